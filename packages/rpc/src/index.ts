export * from './client/index.ts';
export { type Handler, type RpcServer, type RpcServerOptions, type ServerLog, serve } from './server/index.ts';
