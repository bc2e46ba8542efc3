import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';

export type RedisClient = Redis | Cluster;

/** What a client is made from: a URL, options of ioredis, or some nodes of a Cluster. */
type Target =
  | string
  | RedisOptions
  | { readonly nodes: readonly ClusterNode[]; readonly options?: ClusterOptions | undefined };

/**
 * Opens a connection of our own.
 * @param own makes of the app's options those that are not the app's to choose
 */
export function openClient(
  given: Target,
  own: (options?: RedisOptions) => RedisOptions,
  ownOfCluster: (options?: ClusterOptions) => ClusterOptions,
): RedisClient {
  if (typeof given === 'string') return new Redis(withoutOptions(given, own()), own());
  if (!('nodes' in given)) return new Redis({ ...given, ...own(given) });
  const nodes = given.nodes.map((node) =>
    typeof node === 'string' && URL.canParse(node) ? withoutOptions(node, own()) : node,
  );
  return new Cluster(nodes, { ...given.options, ...ownOfCluster(given.options) });
}

/** Removes options from a URL's query, since ioredis prefers these to the options beside the URL. */
function withoutOptions(url: string, options: object): string {
  const parsed = new URL(url);
  for (const name of Object.keys(options)) parsed.searchParams.delete(name);
  return parsed.href;
}

/** The connections that it consists of: in a cluster, one to each node that it knows. */
export function connectionsOf(client: RedisClient): Redis[] {
  return isCluster(client) ? client.nodes() : [client as Redis];
}

// By what is asked of it: the app may have another copy of ioredis.
export function isCluster(given: object): given is Cluster {
  return 'isCluster' in given && given.isCluster === true;
}
