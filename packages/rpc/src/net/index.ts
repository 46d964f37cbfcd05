export {
  type ClientTlsConfig,
  clientLayers,
  type ServerTlsConfig,
  serverLayers,
  type TlsRulesConfig,
} from './config.ts';
export { describeFirstBytes } from './first-bytes.ts';
export { freeAtOnce } from './free-at-once.ts';
export { InFlight, type InFlightOptions, type Reader } from './in-flight.ts';
export { type Layers, layerClient, layerServer } from './layers.ts';
export { type ListenOptions, listen } from './listen.ts';
export {
  type ClientTlsSettings,
  readClientTls,
  readServerTls,
  type StoreSettings,
  type TlsOptions,
  type TlsRules,
} from './tls.ts';
