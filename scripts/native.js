/**
 * The task `native`: compiles the Rust crates and puts the addon and its types where channel-native looks for them. Further words
 * go to `napi build`.
 */
import { run } from './lib/process.js';

const options = {
  cwd: 'packages/channel-native',
  'manifest-path': 'binding/Cargo.toml',
  'output-dir': '.',
  dts: 'src/native.d.ts',
};
const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
process.exit(await run('napi', ['build', '--release', '--platform', '--no-js', ...flags, ...process.argv.slice(2)]));
