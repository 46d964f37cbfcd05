export { type Handler, type RpcServer, type RpcServerOptions, type ServerLog, serve } from './server/index.ts';
