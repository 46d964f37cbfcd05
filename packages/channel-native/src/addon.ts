import { createRequire } from 'node:module';

/** The native engine. Built from source it lies beside `dist`; installed it is the package of this platform. */
function load(): typeof import('#native') {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`;
  const places = [`../channel-native.${platform}.node`, `@millrace/channel-native-${platform}`];
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      return require(place);
    } catch (failure) {
      failures.push(failure);
    }
  }
  throw new AggregateError(
    failures,
    `No native engine for ${platform} is installed. In a clone, run npm run setup; else install @millrace/channel-native-${platform}.`,
  );
}

export const addon = load();
