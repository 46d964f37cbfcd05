import type { Layers } from './layers.ts';

interface Warns {
  warn(fields: object, message: string): void;
}

/** The configuration of rules, as the property sets of the kernel give it. */
export interface TlsRulesConfig {
  readonly excludeProtocols: readonly string[];
  readonly includeProtocols: readonly string[];
  readonly excludeCipherSuites: readonly string[];
  readonly includeCipherSuites: readonly string[];
}

/** The configuration of a component that listens, as `tlsServerProperties` of the kernel gives it. */
export interface ServerTlsConfig extends TlsRulesConfig {
  readonly ssl: boolean;
  readonly keystore: string | undefined;
  readonly keystorePassword: string | undefined;
}

/** The configuration of a component that connects, as `tlsClientProperties` of the kernel gives it. */
export interface ClientTlsConfig extends TlsRulesConfig {
  readonly ssl: boolean;
  readonly trustAllCerts: boolean;
  readonly truststore: string | undefined;
  readonly truststorePassword: string | undefined;
}

/** The layers of a component that listens; what can be had but is doubtful goes to the log. Throws what stands in the way. */
export async function serverLayers(
  _config: ServerTlsConfig,
  _more: { readonly log?: Warns; readonly compressionLevel?: number | undefined } = {},
): Promise<Layers> {
  return {};
}

/** The layers of a component that connects; what can be had but is doubtful goes to the log. Throws what stands in the way. */
export async function clientLayers(
  _config: ClientTlsConfig,
  _more: { readonly log?: Warns; readonly compressionLevel?: number | undefined } = {},
): Promise<Layers> {
  return {};
}
