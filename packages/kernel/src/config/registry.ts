import { MillraceError } from '../errors.ts';
import type { ChannelSpec, InterceptorSpec, SinkSpec, SourceSpec, Spec } from '../spec.ts';
import type { Registration } from './plan-types.ts';

/** The shape of what is said about a component of each kind. */
export interface SpecOf {
  source: SourceSpec;
  channel: ChannelSpec;
  sink: SinkSpec;
  interceptor: InterceptorSpec;
}

/** The kinds of components that are registered, and planned by themselves. */
export type ComponentKind = keyof SpecOf;

/** Everything a `type` in a configuration may mean. */
export interface Registry {
  /** The component of an alias or class name, compared without case. */
  find<Of extends ComponentKind>(kind: Of, type: string): Registration<SpecOf[Of]> | undefined;
  /** The aliases that can be had. */
  types(kind: ComponentKind): readonly string[];
}

/** Makes one registry of several lists; the same name twice in one kind is refused. */
export function createRegistry(...lists: readonly (readonly Registration[])[]): Registry {
  const registrations = new Map<string, Registration>();
  const keyOf = (kind: string, type: string) => `${kind} ${type.toLowerCase()}`;
  const all = lists.flat();
  for (const registration of all) {
    const { kind, type, classNames } = registration.spec;
    for (const name of [type, ...classNames]) {
      const earlier = registrations.get(keyOf(kind, name));
      if (earlier !== undefined) {
        throw new MillraceError(
          'MR_CONFIG_INVALID',
          `${earlier.module} and ${registration.module} both call themselves the ${kind} "${name}"; remove one of the two.`,
        );
      }
      registrations.set(keyOf(kind, name), registration);
    }
  }
  const find = (kind: Spec['kind'], type: string) => registrations.get(keyOf(kind, type));
  return {
    // The kind is a part of the key, so what is found is of that kind.
    find: find as Registry['find'],
    types: (kind) => all.filter(({ spec }) => spec.kind === kind).map(({ spec }) => spec.type),
  };
}
