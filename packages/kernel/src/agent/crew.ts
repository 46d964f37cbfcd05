import { channelsOf } from '../config/compare.ts';
import type { SinkPlan, SourcePlan } from '../config/plan-types.ts';
import { metricsOf } from '../metrics/base.ts';
import { allocateCells, type CellRange, readCells } from '../metrics/cells.ts';
import type { SinkSpec, SourceSpec } from '../spec.ts';
import type { Named } from './channel-keeper.ts';
import type { ComponentStatus, Supervisor } from './supervisor.ts';

/** How a source or a sink is, with its figures. */
export interface MeteredStatus extends ComponentStatus, Named<SourceSpec | SinkSpec> {
  /** Names of the channels it puts into or takes from, the required ones first. */
  readonly channels: readonly string[];
  /** The component's figures by their keys. They go on through its restarts, and begin anew when a reload has changed it. */
  readonly metrics: Readonly<Record<string, number>>;
}

interface Member<Of> {
  readonly plan: Of;
  readonly supervisor: Supervisor;
  readonly cells: CellRange;
}

/** The sinks of an agent, or its sources, through its reloads. */
export class Crew<Of extends SinkPlan | SourcePlan> {
  readonly #employ: (plan: Of, cells: CellRange) => Supervisor;
  #members: ReadonlyMap<string, Member<Of>> = new Map();
  readonly #removed = new Map<string, MeteredStatus>();

  constructor(employ: (plan: Of, cells: CellRange) => Supervisor) {
    this.#employ = employ;
  }

  /** From what those were made that run or are tried. */
  get plans(): readonly Of[] {
    return this.#list(({ supervisor }) => !supervisor.ended).map(({ plan }) => plan);
  }

  /** Those that were asked to stop, though their threads go on. */
  get stuck(): readonly Of[] {
    return this.#list(({ supervisor }) => supervisor.stopping).map(({ plan }) => plan);
  }

  /** Stops some, or all. One of which it is known that it does not end is not waited for again. */
  async stop(drainMs: number, { only, drain }: { only?: ReadonlySet<string>; drain?: boolean } = {}): Promise<void> {
    const asked = this.#list(({ plan }) => only?.has(plan.id) ?? true);
    await Promise.all(
      asked.map(({ supervisor }) => supervisor.stopping || supervisor.ended || supervisor.stop(drainMs, drain)),
    );
  }

  /** Starts whoever of these does not run, and forgets whoever is not among them; resolves when each new one was tried once. */
  async start(plans: readonly Of[]): Promise<void> {
    const fresh: Member<Of>[] = [];
    const members = plans.map((plan): Member<Of> => {
      const known = this.#members.get(plan.id);
      if (known !== undefined && !known.supervisor.ended) return known;
      const [cells] = allocateCells([Object.keys(metricsOf(plan.registration.spec))]);
      const member = { plan, supervisor: this.#employ(plan, cells!), cells: cells! };
      fresh.push(member);
      return member;
    });
    for (const [id, member] of this.#members) this.#removed.set(id, statusOf(member));
    this.#members = new Map(members.map((member) => [member.plan.id, member]));
    for (const id of this.#members.keys()) this.#removed.delete(id);
    await Promise.all(fresh.map(({ supervisor }) => supervisor.tried));
  }

  status(): MeteredStatus[] {
    return this.#list(() => true).map(statusOf);
  }

  /** How those ended that are not there any more. */
  removed(): MeteredStatus[] {
    return [...this.#removed.values()];
  }

  #list(which: (member: Member<Of>) => boolean): Member<Of>[] {
    return [...this.#members.values()].filter(which);
  }
}

function statusOf({ plan, supervisor, cells }: Member<SinkPlan | SourcePlan>): MeteredStatus {
  return {
    ...supervisor.status(),
    name: plan.name,
    spec: plan.registration.spec,
    channels: channelsOf(plan),
    metrics: readCells(cells),
  };
}
