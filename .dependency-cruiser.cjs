// The floors of the house (ARCHITECTURE.md) as rules that run. Imports point down only; types count as imports.
// Every rule has a planted violation in scripts/planted/floors/<rule>, which `npm run check` must see reported.
const rooms = 'identity|services|grants|rules|vault|approvals|guard|alerts|proofs|audit|local-ca|placeholders|llm'
const roof = 'src/[^/]+\\.ts$|^src/house/|^src/cli/'
const tests = '\\.(test|conformance|support)\\.ts$|/testing/'
const from = (path) => ({ path, pathNot: tests })

/** Rules about one floor: what stands on it may not look at what stands above. */
const floors = [
  ['ground-is-the-lowest', '^src/ground/', '^src/(?!ground/)'],
  [
    'ground-floor-looks-down',
    '^src/(http|storage|crypto)/',
    `^src/(${rooms}|policy|gate|proxy|sandbox|mcp|doors)/|^${roof}`,
  ],
  ['policy-stands-on-ground', '^src/policy/', '^src/(?!policy/|ground/)'],
  ['rooms-look-down', `^src/(${rooms})/`, `^src/(gate|proxy|sandbox|mcp|doors)/|^${roof}`],
  ['gate-looks-down', '^src/gate/', `^src/(proxy|sandbox|mcp|doors)/|^${roof}`],
  ['carriers-look-down', '^src/(proxy|sandbox|mcp)/', `^src/doors/|^${roof}`],
  ['doors-look-down', '^src/doors/', `^${roof}`],
].map(([name, path, to]) => ({ name, severity: 'error', from: from(path), to: { path: to } }))

module.exports = {
  forbidden: [
    ...floors,
    {
      name: 'ground-floor-stays-apart',
      comment: 'http, storage and crypto do not know each other; crypto may be used by all.',
      severity: 'error',
      from: from('^src/(http|storage|crypto)/'),
      to: { path: '^src/(http|storage)/', pathNot: '^src/$1/' },
    },
    {
      name: 'rooms-stay-apart',
      comment: 'What two rooms need from each other is brought together above them.',
      severity: 'error',
      from: from(`^src/(${rooms})/`),
      to: { path: `^src/(${rooms})/`, pathNot: ['^src/$1/', '^src/audit/contract\\.ts$'] },
    },
    {
      name: 'audit-contract-is-types-only',
      comment: 'Other rooms see what a record is, never the writer.',
      severity: 'error',
      from: { path: `^src/(${rooms})/`, pathNot: ['^src/audit/', tests] },
      to: { path: '^src/audit/contract\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'policy-is-pure',
      comment: 'No node:* and no package: question in, decision out.',
      severity: 'error',
      from: from('^src/policy/'),
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-no-pkg', 'unknown', 'undetermined'] },
    },
    {
      name: 'only-the-roof-makes-the-mint',
      comment: 'The house hands mint() to the gate and redeem() to the vault: nobody else gets hold of either.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/[^/]+\\.ts$', tests] },
      to: { path: '^src/policy/mint\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'cli-is-a-client',
      comment: 'The command line talks to the socket; it reads the audit files itself, and starts main.ts.',
      severity: 'error',
      from: from('^src/cli/'),
      to: {
        path: '^src/(identity|services|grants|vault|policy|gate|proxy|storage)/|^src/house',
        pathNot: [
          '^src/storage/(safe-home|lock)\\.ts$', // `doctor` looks at what a start looks at; repairs take the lock
          '^src/services/(check-template|template-summary|templates/catalogue)\\.ts$', // data, and what looks at a file
        ],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'nothing-imports-the-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/cli/', tests] },
      to: { path: '^src/cli/' },
    },
    {
      name: 'sdk-stands-alone',
      comment: 'It is published by itself, with no dependencies.',
      severity: 'error',
      from: from('^sdk/'),
      to: { pathNot: '^sdk/', dependencyTypesNot: ['core'] },
    },
    {
      name: 'sdk-runs-in-browsers',
      comment: 'Only what stands in node/ may know Node.',
      severity: 'error',
      from: { path: '^sdk/src/', pathNot: ['^sdk/src/node(/|\\.ts$)', tests] },
      to: { path: '^(node:)?[a-z0-9_/]+$|^sdk/src/node(/|\\.ts$)', pathNot: '^sdk/src/(?!node)' },
    },
    {
      name: 'only-the-cli-uses-the-sdk',
      comment: 'The gateway has its own cryptography, which the SDK is checked against.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/cli/', tests] },
      to: { path: '^sdk/' },
    },
    {
      name: 'sql-in-stores-only',
      comment: 'A room speaks SQL in store.ts and schema.ts; the rest of it takes functions.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['^src/storage/', '/(store|schema|[a-z-]+-store)\\.ts$', '^src/audit/index', tests],
      },
      to: { path: 'node_modules/kysely|^(node:)?sqlite$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-tests-in-the-product',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { path: `${tests}|^(test|scripts|bench|proving|examples)/` },
    },
    {
      name: 'no-dev-packages-in-the-product',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'] },
    },
    {
      name: 'no-unresolved-imports',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    moduleSystems: ['es6'],
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
    tsConfig: { fileName: 'tsconfig.json' },
  },
}
