import type { TlsRules } from './java-tls-names.ts';
import type { Layers } from './layers.ts';
import { readClientTls, readServerTls } from './tls.ts';

/** The configuration of a component that listens, as `tlsServerProperties` of the kernel gives it. */
export interface ServerTlsConfig extends TlsRules {
  readonly ssl: boolean;
  readonly keystore: string | undefined;
  readonly keystorePassword: string | undefined;
}

/** The configuration of a component that connects, as `tlsClientProperties` of the kernel gives it. */
export interface ClientTlsConfig extends TlsRules {
  readonly ssl: boolean;
  readonly trustAllCerts: boolean;
  readonly truststore: string | undefined;
  readonly truststorePassword: string | undefined;
}

/** What the layers have besides TLS, and where it is said what can be had, but perhaps is not as meant. */
export interface LayerOptions {
  readonly compressionLevel?: number | undefined;
  readonly log?: { warn(fields: object, message: string): void };
}

/** The layers of a component that listens. Throws what stands in the way. */
export async function serverLayers(config: ServerTlsConfig, options: LayerOptions = {}): Promise<Layers> {
  if (!config.ssl) return layersOf(undefined, options);
  if (config.keystore === undefined) throw new Error('ssl is true, and there is no keystore: set keystore.');
  const store = { file: config.keystore, password: config.keystorePassword };
  return layersOf(await readServerTls(store, config), options);
}

/** The layers of a component that connects. Throws what stands in the way. */
export async function clientLayers(config: ClientTlsConfig, options: LayerOptions = {}): Promise<Layers> {
  if (!config.ssl) return layersOf(undefined, options);
  const { trustAllCerts, truststore: file, truststorePassword: password } = config;
  const settings = { trustAll: trustAllCerts, truststore: file === undefined ? undefined : { file, password } };
  return layersOf(await readClientTls(settings, config), options);
}

function layersOf(tls: Layers['tls'], { compressionLevel, log }: LayerOptions): Layers {
  for (const note of tls?.notes ?? []) log?.warn({}, note);
  return { tls, compressionLevel };
}
