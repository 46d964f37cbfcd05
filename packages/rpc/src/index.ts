export * from './client/index.ts';
export {
  type DirectRequests,
  type Handler,
  type RpcServer,
  type RpcServerOptions,
  type ServerLog,
  serve,
} from './server/index.ts';
