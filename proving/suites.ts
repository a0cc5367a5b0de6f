// The long suites by name, each at its full counts. `of` takes the share that was asked for.
import type { Figures } from './figures.ts'
import { blockedAddresses } from './suites/addresses.ts'
import { approvalRaces, killApprovals } from './suites/approvals.ts'
import { blockedLog } from './suites/blocked-log.ts'
import { canaryLife } from './suites/canary.ts'
import { fullDisk } from './suites/full-disk.ts'
import { hostileHttp } from './suites/hostile-http.ts'
import { killUnderLoad } from './suites/kill.ts'
import { logEdits } from './suites/log-edits.ts'
import { hours, manyStreams } from './suites/many-hours.ts'
import { powerCuts } from './suites/power-cut.ts'
import { races } from './suites/races.ts'
import { killRenewals } from './suites/renewals.ts'
import { rollbacks } from './suites/rollback.ts'
import { scopeChains } from './suites/scope-chains.ts'
import { secondHops } from './suites/second-hop.ts'
import { killSentLater } from './suites/sent-later.ts'
import { keyRotation, keySetFlood } from './suites/signing-keys.ts'
import { hardBodies, slowClients } from './suites/slow-clients.ts'
import { stalledUpstreams } from './suites/stalls.ts'
import { storageFaults } from './suites/storage-faults.ts'
import { connectionReuse, largeBodies, longWork } from './suites/streams.ts'
import { editedRows } from './suites/tamper.ts'
import { tokenRaces } from './suites/token-races.ts'

export interface Plan {
  readonly seed: number
  of(full: number): number
}

export const suites: Readonly<Record<string, (plan: Plan) => Promise<Figures>>> = {
  canary: ({ of }) => canaryLife({ credentials: of(1_000), splitStep: 1 }),
  'hostile-http': ({ seed, of }) => hostileHttp({ count: of(30_000), seed }),
  'second-hop': ({ seed, of }) => secondHops({ count: of(600), seed }),
  kill: ({ seed, of }) => killUnderLoad({ kills: of(500), seed, readyMs: 2_000 }),
  renewals: ({ seed, of }) => killRenewals({ kills: of(100), seed }),
  'strict-renewals': ({ seed, of }) => killRenewals({ kills: of(100), seed, strict: true }),
  'power-cut': ({ seed, of }) => powerCuts({ cuts: of(200), seed }),
  'storage-faults': ({ seed, of }) => storageFaults({ injections: of(400), seed }),
  'full-disk': ({ of }) => fullDisk({ cycles: of(50) }),
  'blocked-log': () => blockedLog(),
  races: ({ of }) => races({ artefacts: of(10_000), racers: 32 }),
  tokens: ({ of }) => tokenRaces({ artefacts: of(2_000), racers: 16 }),
  approvals: ({ of }) => approvalRaces({ approvals: of(1_000), racers: 16 }),
  'sent-later': ({ seed, of }) => killSentLater({ kills: of(60), seed }),
  'approval-kills': ({ seed, of }) => killApprovals({ kills: of(60), racers: 16, seed }),
  'scope-chains': ({ seed, of }) => scopeChains({ chains: of(100_000), seed }),
  tamper: () => editedRows({ step: 1 }),
  rollback: ({ of }) => rollbacks({ rounds: of(20) }),
  'log-edits': ({ seed, of }) => logEdits({ trials: of(60), seed }),
  'key-rotation': ({ of }) => keyRotation({ rotations: of(5), callsPerSecond: 500 }),
  'key-set': ({ of }) => keySetFlood({ forMs: of(10_000), perSecond: 5_000, timed: true }),
  addresses: () => blockedAddresses({ step: 1 }),
  stalls: ({ of }) => stalledUpstreams({ concurrent: of(200), timed: true }),
  'slow-clients': ({ of }) => slowClients({ connections: of(2_000), forMs: of(60_000), timed: true }),
  'hard-bodies': ({ seed, of }) => hardBodies({ bodies: of(1_000), seed, timed: true }),
  'large-bodies': ({ of }) => largeBodies({ transfers: of(20), mebibytes: of(1_024) }),
  'long-work': ({ of }) => longWork({ workMs: of(240_000), idleMs: of(60_000) }),
  hours: ({ of }) => hours({ uploadMinutes: of(15), streamMinutes: of(130) }),
  'many-streams': ({ of }) => manyStreams({ streams: of(1_000), seconds: of(20) }),
  'connection-reuse': ({ of }) => connectionReuse({ calls: of(10_000) }),
}
