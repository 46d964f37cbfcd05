import type { InterceptorContext, RunningInterceptor } from '@millrace/kernel/component';
import { javaPattern, wholeJavaPattern } from '@millrace/kernel/java-pattern';
import type { removeHeader } from './spec.ts';

/** Removes headers by their names. */
export async function open({ config }: InterceptorContext<typeof removeHeader>): Promise<RunningInterceptor> {
  const { name, list, separator, matching } = config;
  const names = new Set(list === undefined ? [] : splitAsJava(list, javaPattern(separator)));
  if (name !== undefined) names.add(name);
  const matched = matching === undefined ? undefined : wholeJavaPattern(matching);

  return {
    intercept(events) {
      for (const each of names) events.removeHeader(each);
      if (matched === undefined) return;
      for (const each of events.headerNames()) if (matched.test(each)) events.removeHeader(each);
    },
    async close() {},
  };
}

/** `String.split` of Java: nothing is left of empty parts at the end. */
function splitAsJava(text: string, separator: RegExp): string[] {
  const parts = text.split(separator);
  return parts.slice(0, parts.findLastIndex((part) => part !== '') + 1);
}
