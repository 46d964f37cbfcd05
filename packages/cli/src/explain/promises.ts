import type { ChannelPlan, InterceptorPlan, SinkPlan, SourcePlan } from '@millrace/kernel/config/plan-types';
import type { SourceFacts } from '@millrace/kernel/spec';
import { type Flow, targetsOf } from './flows.ts';

/** What is to be known about one component: what may be lost, come twice, or come in another order. */
export interface Promises {
  readonly title: string;
  readonly sentences: readonly string[];
}

/** What a flow promises, channel by channel, and then of the sources that add something. */
export function promisesOf(flow: Flow): readonly Promises[] {
  const ofChannels = flow.channels.map((channel) => ofChannel(channel, flow));
  const ofSources = flow.sources.map(ofSource).filter(({ sentences }) => sentences.length > 0);
  return [...ofChannels, ...ofSources];
}

function ofChannel(channel: ChannelPlan, { sources, sinks }: Flow): Promises {
  const { name, registration, config } = channel;
  const facts = registration.spec.facts(config, name);
  const fillers = sources.filter((source) => targetsOf(source).includes(name));
  const takers = sinks.filter((sink) => sink.channel === name);
  const told = facts.durable ? [] : fillers.flatMap((source) => factsOf(source).told);
  return {
    title: `Channel ${name}, ${facts.where}`,
    sentences: [
      [facts.worst, ...new Set(told)].join(' '),
      ...(fillers.length === 0 ? [`Nothing puts events into ${name}.`] : refusals(name, fillers)),
      ...(takers.length === 0 ? [`Nothing takes events from ${name}.`] : departures(name, takers)),
      ...(fillers.length > 0 && takers.length > 0 ? [order(takers)] : []),
    ],
  };
}

const factsOf = ({ registration, config }: SourcePlan): SourceFacts => registration.spec.facts(config);

function refusals(channel: string, fillers: readonly SourcePlan[]): readonly string[] {
  const needing = fillers.filter(({ required }) => required.includes(channel));
  const others = fillers.filter((source) => !needing.includes(source));
  const groups = Map.groupBy(needing, (source) => factsOf(source).refused);
  const refused = [...groups].map(([text, same]) => `While ${channel} has no room, ${text} (${namesOf(same)}).`);
  if (others.length === 0) return refused;
  return [
    ...refused,
    `${channel} is optional for ${namesOf(others)}: what it has no room for is missing there, and only counted.`,
  ];
}

function departures(channel: string, takers: readonly SinkPlan[]): readonly string[] {
  const groups = Map.groupBy(takers, ({ registration, config }) => {
    const { done, twice = '' } = registration.spec.facts(config);
    return `${done} (NAMES). ${twice}`.trimEnd();
  });
  return [...groups].map(([text, same]) => `Events leave ${channel} ${text.replace('NAMES', () => namesOf(same))}`);
}

function order(takers: readonly SinkPlan[]): string {
  if (takers.length > 1) return `Events of one sender may come out of order: ${namesOf(takers)} take side by side.`;
  const [{ registration, config }] = takers as [SinkPlan];
  const { disorder } = registration.spec.facts(config);
  return disorder === undefined ? 'Events of one sender stay in order.' : `Order is not kept. ${disorder}`;
}

function ofSource(source: SourcePlan): Promises {
  const { name, registration, required, interceptors } = source;
  const { lost } = factsOf(source);
  return {
    title: `Source ${name}, ${registration.spec.type}`,
    sentences: [
      ...(interceptors.length > 0 ? [`Its events pass ${interceptors.map(typed).join(', then ')} first.`] : []),
      ...(lost === undefined ? [] : [`Lost when the agent ends unexpectedly: ${lost}.`]),
      ...(required.length > 1
        ? [
            `It counts an event as accepted when all of ${required.join(', ')} have it. After a crash some may have it and others not; whoever sends it again has it twice there.`,
          ]
        : []),
    ],
  };
}

const typed = ({ name, registration }: InterceptorPlan) => `${name} (${registration.spec.type})`;

const namesOf = (components: readonly { readonly name: string }[]) => components.map(({ name }) => name).join(', ');
