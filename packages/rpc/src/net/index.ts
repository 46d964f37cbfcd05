export { type ClientTlsConfig, clientLayers, type LayerOptions, type ServerTlsConfig, serverLayers } from './config.ts';
export { describeFirstBytes } from './first-bytes.ts';
export { freeAtOnce } from './free-at-once.ts';
export { InFlight, type InFlightOptions, type Reader } from './in-flight.ts';
export type { TlsRules } from './java-tls-names.ts';
export type { StoreSettings } from './key-store.ts';
export { type Layers, layerClient, layerServer } from './layers.ts';
export { cannotListen, type ListenOptions, listen } from './listen.ts';
export { type ClientTlsSettings, readClientTls, readServerTls, type TlsOptions } from './tls.ts';
