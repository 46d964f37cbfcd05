import type { ChannelAddress } from '../channel.ts';
import type { ChannelPlan } from '../config/plan-types.ts';
import { eventsText } from '../words.ts';
import { ChannelKeeper, type ChannelKeeperOptions, type ChannelStatus } from './channel-keeper.ts';
import { moveContent } from './move-content.ts';

/** A channel that ended with events in it and does not keep them. */
export interface Loss {
  readonly channel: string;
  /** How many events it had accepted that no sink had delivered; undefined when it could not tell. */
  readonly events: number | undefined;
}

/** Takes a sentence that those who asked for a reload and the readers of the log should know. */
export type Remark = (level: 'info' | 'warn' | 'error', sentence: string) => void;

/** What is to be known about a change of channels besides what they shall become. */
export interface Becoming {
  /** Ids of the channels that go, or are opened with other settings. */
  readonly touched: ReadonlySet<string>;
  readonly remark: Remark;
  /** Waits for something, unless an end of the agent makes that needless. */
  readonly until: (wait: Promise<unknown>) => Promise<unknown>;
}

/** The channels of an agent, through its reloads. */
export class OpenChannels {
  readonly #options: ChannelKeeperOptions;
  #keepers = new Map<string, ChannelKeeper>();
  readonly #removed = new Map<string, ChannelStatus>();

  constructor(options: ChannelKeeperOptions) {
    this.#options = options;
  }

  /** From what those were made that are open or are tried. */
  get plans(): readonly ChannelPlan[] {
    return this.#list(({ closed }) => !closed).map(({ plan }) => plan);
  }

  /** Where workers find a channel. Throws `MR_CHANNEL_CLOSED` while it is not open. */
  address(name: string): ChannelAddress {
    return this.#keepers.get(name)!.address;
  }

  /** How many events would be lost if a channel were closed now. */
  atStake(name: string): number {
    const keeper = this.#keepers.get(name);
    return keeper === undefined || keeper.durable ? 0 : (keeper.held ?? 0);
  }

  /** Gives back what a worker's life left open in any of them. */
  async reclaim(owner: number): Promise<void> {
    await Promise.all(this.#list().map((keeper) => keeper.reclaim(owner)));
  }

  /**
   * Closes, opens and replaces channels until they are as planned; resolves when each new one is open, or could not be opened once. Nobody may be
   * at those that are touched.
   */
  async become(plans: readonly ChannelPlan[], { touched, remark, until }: Becoming): Promise<void> {
    const planned = new Map(plans.map((plan) => [plan.name, plan]));
    const leaving = this.#list(({ id, closed }) => touched.has(id) && !closed);
    const moving = leaving.filter(({ plan }) => planned.has(plan.name) && this.atStake(plan.name) > 0);
    // Before any is opened: it may want the directory of one that goes.
    const before = new Map(leaving.map(({ id, held }) => [id, held]));
    await Promise.all(
      leaving.filter((keeper) => !moving.includes(keeper)).map((keeper) => this.#leave(keeper, planned, remark)),
    );

    const fresh = plans.filter(({ name }) => this.#keepers.get(name)?.closed ?? true).map((plan) => this.#open(plan));
    for (const keeper of fresh) this.#keepers.set(keeper.plan.name, keeper);
    const replaced = moving.map((old) => this.#replace(old, planned.get(old.plan.name)!, { touched, remark, until }));
    await until(Promise.all(fresh.map(({ tried }) => tried)));
    for (const keeper of fresh) tellWhatStays(keeper, before.get(keeper.id), remark);
    await Promise.all(replaced);

    for (const [name, keeper] of this.#keepers) if (!planned.has(name)) this.#removed.set(name, keeper.status());
    this.#keepers = new Map(plans.map(({ name }) => [name, this.#keepers.get(name)!]));
    for (const { name } of plans) this.#removed.delete(name);
  }

  /** Closes all; resolves with what is lost by that. */
  async close(): Promise<Loss[]> {
    const losses = this.#list().map(async (keeper) => ({ channel: keeper.id, events: await keeper.close() }));
    return (await Promise.all(losses)).filter(({ events }) => events !== 0);
  }

  status(): ChannelStatus[] {
    return this.#list().map((keeper) => keeper.status());
  }

  /** How those ended that are not there any more. */
  removed(): ChannelStatus[] {
    return [...this.#removed.values()];
  }

  #list(which: (keeper: ChannelKeeper) => boolean = () => true): ChannelKeeper[] {
    return [...this.#keepers.values()].filter(which);
  }

  #open(plan: ChannelPlan): ChannelKeeper {
    return new ChannelKeeper(plan, this.#options);
  }

  async #leave(keeper: ChannelKeeper, planned: ReadonlyMap<string, ChannelPlan>, remark: Remark): Promise<void> {
    const { id, held = 0, plan, durable } = keeper;
    const lost = await keeper.close();
    if (lost !== 0) remark('error', `${id} is closed, and ${eventsText(lost)} in it are lost.`);
    else if (durable && held > 0 && !planned.has(plan.name)) {
      remark('warn', `${id} is closed. Its ${eventsText(held)} stay ${placeOf(plan)} until it is configured again.`);
    }
  }

  /** Puts a channel with other settings, and the same content, in the place of one that would lose it. */
  async #replace(old: ChannelKeeper, plan: ChannelPlan, { remark, until }: Becoming): Promise<void> {
    const [fresh, spare] = [this.#open(plan), this.#open(old.plan)];
    await until(Promise.all([fresh.tried, spare.tried]));
    const events = old.held;
    const { holds, reason } = await moveContent(old, fresh, spare);
    this.#keepers.set(plan.name, holds);
    if (reason !== undefined) {
      const why = reason instanceof Error ? reason.message : reason;
      remark('error', `${old.id} keeps its old settings, because of its ${eventsText(events)}: ${why}.`);
    }
    const closed = [old, fresh, spare].filter((keeper) => keeper !== holds).map((keeper) => keeper.close());
    await until(
      Promise.all(closed).then((lost) => {
        const all = lost.reduce((sum: number, events) => sum + (events ?? 0), 0);
        if (all > 0) remark('error', `${eventsText(all)} of ${old.id} are lost.`);
      }),
    );
  }
}

/** With other settings a durable channel may be at another place, where its events are not. */
function tellWhatStays({ id, held, isOpen, plan }: ChannelKeeper, before: number | undefined, remark: Remark): void {
  if (!isOpen || held === undefined || before === undefined || held >= before) return;
  remark(
    'warn',
    `${id} is ${placeOf(plan)} now, and ${eventsText(before - held)} are not: they stay where it was before, until that is configured again.`,
  );
}

function placeOf({ name, config, registration: { spec } }: ChannelPlan): string {
  const directories = (spec.uses?.(config) ?? []).flatMap((resource) =>
    resource.what === 'directory' ? [resource.path] : [],
  );
  return directories.length > 0 ? `in ${directories.join(', ')}` : spec.facts(config, name).where;
}
