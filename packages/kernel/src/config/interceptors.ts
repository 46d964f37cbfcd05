import { adviceOnName } from './advice.ts';
import { splitNames } from './java-text.ts';
import type { Listed } from './listing.ts';
import { dropped, type Planning, planComponent } from './plan-component.ts';
import type { InterceptorPlan } from './plan-types.ts';
import { type Entry, placeInValue } from './properties.ts';
import { didYouMean } from './suggest.ts';

const PREFIX = 'interceptors.';

/** Plans what the events of a source pass, in the order it lists; undefined when one of it cannot be had, and so the source cannot run. */
export function planInterceptors(source: Listed, planning: Planning): readonly InterceptorPlan[] | undefined {
  const list = source.settings.get('interceptors');
  const names = list === undefined ? [] : splitNames(list.value);
  const unlisted = reportUnlisted(
    source,
    names.map(({ name }) => name),
    planning,
  );

  const plans: InterceptorPlan[] = [];
  for (const { name, index } of names) {
    const interceptor = interceptorOf(source, name);
    if (interceptor === undefined) {
      planning.report({
        severity: 'error',
        code: 'undefined-component',
        place: placeInValue(list!, index),
        subject: `${source.id}.${PREFIX}${name}`,
        message: `Interceptor ${name} is listed, but has no properties. ${dropped('source', source)}`,
        suggestion:
          adviceOnName(name) ??
          didYouMean(name, unlisted) ??
          `set ${source.id}.${PREFIX}${name}.type, or take it off the list`,
      });
      continue;
    }
    const plan = planComponent('interceptor', interceptor, planning, dropped('source', source));
    if (plan !== undefined) plans.push(plan);
  }
  return plans.length === names.length ? plans : undefined;
}

/** What is said of one interceptor of a source. */
function interceptorOf({ id, settings: all }: Listed, name: string): Listed | undefined {
  const prefix = `${PREFIX}${name}.`;
  const settings = new Map<string, Entry>();
  for (const [key, entry] of all) if (key.startsWith(prefix)) settings.set(key.slice(prefix.length), entry);
  const [first] = settings.values();
  return first && { name, id: `${id}.${PREFIX}${name}`, settings, place: first.keyPlace };
}

/** Warns of interceptors that are defined and not listed, and returns their names. */
function reportUnlisted(source: Listed, listed: readonly string[], { report }: Planning): ReadonlySet<string> {
  const unlisted = new Set<string>();
  for (const [key, { key: whole, keyPlace }] of source.settings) {
    if (!key.startsWith(PREFIX) || listed.some((name) => key.startsWith(`${PREFIX}${name}.`))) continue;
    const [name = ''] = key.slice(PREFIX.length).split('.');
    if (unlisted.has(name)) continue;
    unlisted.add(name);
    report({
      severity: 'warning',
      code: 'unlisted-component',
      place: keyPlace,
      subject: whole,
      message: `Interceptor ${name} is defined, but ${source.id}.interceptors does not list it, so it does not run.`,
      suggestion: `write ${source.id}.interceptors = ${[...listed, name].join(' ')}`,
    });
  }
  return unlisted;
}
