import { createRequire } from 'node:module';

/** The native engine. Built from source it lies beside `dist`; installed it is the package of this platform. */
function load(): typeof import('#native') {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`;
  const installed = `@millrace/channel-native-${platform}`;
  for (const place of [`../channel-native.${platform}.node`, installed]) {
    try {
      return require(place);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'MODULE_NOT_FOUND') throw new Error(`The native engine does not load here: ${message}`);
    }
  }
  throw new Error(
    `No native engine for ${platform} is installed. In a clone, run npm run setup; else install ${installed}, which npm leaves out when it is told to omit optional packages.`,
  );
}

export const addon = load();
