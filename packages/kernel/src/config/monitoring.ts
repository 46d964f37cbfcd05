/** The system properties that say whether and where metrics are to be had, as Flume has them. */
export const monitoringKeys = { type: 'flume.monitoring.type', port: 'flume.monitoring.port' } as const;

/** Where Flume's metrics are unless somebody says where. */
const PORT = '41414';

/** What was set; without a `type` nobody wants metrics over the network. */
export function monitoringSettings(system: ReadonlyMap<string, string>): {
  readonly type: string | undefined;
  readonly port: string;
} {
  const { type, port } = monitoringKeys;
  return { type: system.get(type)?.trim(), port: (system.get(port) ?? PORT).trim() };
}
