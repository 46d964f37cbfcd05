import type { Kind } from '../spec.ts';

/** Flume's component types: alias to class name; those that have no alias stand by their class name alone. */
const aliases: Readonly<Partial<Record<Kind, Readonly<Record<string, string>>>>> = {
  source: {
    seq: 'source.SequenceGeneratorSource',
    netcat: 'source.NetcatSource',
    netcatudp: 'source.NetcatUdpSource',
    exec: 'source.ExecSource',
    avro: 'source.AvroSource',
    thrift: 'source.ThriftSource',
    syslogtcp: 'source.SyslogTcpSource',
    multiport_syslogtcp: 'source.MultiportSyslogTCPSource',
    syslogudp: 'source.SyslogUDPSource',
    spooldir: 'source.SpoolDirectorySource',
    http: 'source.http.HTTPSource',
    jms: 'source.jms.JMSSource',
    taildir: 'source.taildir.TaildirSource',
  },
  channel: {
    memory: 'channel.MemoryChannel',
    file: 'channel.file.FileChannel',
    jdbc: 'channel.jdbc.JdbcChannel',
    spillablememory: 'channel.SpillableMemoryChannel',
  },
  sink: {
    null: 'sink.NullSink',
    logger: 'sink.LoggerSink',
    file_roll: 'sink.RollingFileSink',
    hdfs: 'sink.hdfs.HDFSEventSink',
    irc: 'sink.irc.IRCSink',
    avro: 'sink.AvroSink',
    thrift: 'sink.ThriftSink',
    hbase: 'sink.hbase.HBaseSink',
    asynchbase: 'sink.hbase.AsyncHBaseSink',
    hbase2: 'sink.hbase2.HBase2Sink',
    morphline_solr: 'sink.solr.morphline.MorphlineSolrSink',
    hive: 'sink.hive.HiveSink',
    http: 'sink.http.HttpSink',
  },
  selector: {
    replicating: 'channel.ReplicatingChannelSelector',
    multiplexing: 'channel.MultiplexingChannelSelector',
    load_balancing: 'channel.LoadBalancingChannelSelector',
  },
  interceptor: {
    timestamp: 'interceptor.TimestampInterceptor$Builder',
    host: 'interceptor.HostInterceptor$Builder',
    static: 'interceptor.StaticInterceptor$Builder',
    regex_filter: 'interceptor.RegexFilteringInterceptor$Builder',
    regex_extractor: 'interceptor.RegexExtractorInterceptor$Builder',
    remove_header: 'interceptor.RemoveHeaderInterceptor$Builder',
    search_replace: 'interceptor.SearchAndReplaceInterceptor$Builder',
  },
};

const withoutAlias: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  source: [
    'source.kafka.KafkaSource',
    'source.StressSource',
    'source.scribe.ScribeSource',
    'source.twitter.TwitterSource',
    'source.avroLegacy.AvroLegacySource',
    'source.thriftLegacy.ThriftLegacySource',
  ],
  channel: ['channel.kafka.KafkaChannel', 'channel.PseudoTxnMemoryChannel'],
  interceptor: ['sink.solr.morphline.MorphlineInterceptor$Builder', 'sink.solr.morphline.UUIDInterceptor$Builder'],
  sink: ['sink.kafka.KafkaSink', 'sink.kudu.KuduSink', 'sink.solr.morphline.MorphlineSink'],
};

/** Whether Flume has a component of this type, given by alias or class name in any case. */
export function isFlumeType(kind: Kind, type: string): boolean {
  const wanted = type.toLowerCase();
  const classNames = [...Object.values(aliases[kind] ?? {}), ...(withoutAlias[kind] ?? [])];
  return (
    Object.keys(aliases[kind] ?? {}).includes(wanted) ||
    classNames.some((className) => `org.apache.flume.${className}`.toLowerCase() === wanted)
  );
}

/** The names Flume's users write for the components of a kind. */
export function flumeAliases(kind: Kind): readonly string[] {
  return Object.keys(aliases[kind] ?? {});
}
