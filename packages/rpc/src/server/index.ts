export type { Handler, ServerLog } from './connection.ts';
export { type DirectRequests, type RpcServer, type RpcServerOptions, serve } from './server.ts';
