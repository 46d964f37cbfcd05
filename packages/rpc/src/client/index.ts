export { type BalancedOptions, connectBalanced } from './balanced.ts';
export type { EventLike, RpcClient } from './client.ts';
export { clientOf } from './client-of.ts';
export { type ConnectOptions, connect, type Protocol } from './connect.ts';
export { RpcError, type RpcErrorCode } from './error.ts';
export { connectFailover, type FailoverOptions } from './failover.ts';
export type { BalanceOptions, HostSelector } from './host-order.ts';
export type { Open } from './peer-group.ts';
export { type ClientSettings, type ClientType, type HostAndPort, hostsOf, openClient } from './settings.ts';
