// What every room stands on: the home, its lock, the database and the log. Opened in this order, closed in the other.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { alertsMigrations } from './alerts/schema.ts'
import { channelsMigrations } from './approvals/channels/schema.ts'
import { approvalsMigrations } from './approvals/schema.ts'
import { createAudit, type OpenedAudit } from './audit/audit.ts'
import { auditHeadMigrations, keepHead, notedHead } from './audit-head.ts'
import { agentVaultMigrations } from './doors/agentvault/schema.ts'
import { grantsMigrations } from './grants/schema.ts'
import { base62 } from './ground/base62.ts'
import { type Clock, systemClock } from './ground/clock.ts'
import type { Log } from './ground/log.ts'
import { relyingMigrations } from './identity/relying/schema.ts'
import { identityMigrations } from './identity/schema.ts'
import { signInMigrations } from './identity/sign-ins/schema.ts'
import { signingMigrations } from './identity/signing/schema.ts'
import { llmMigrations } from './llm/schema.ts'
import { localCaMigrations } from './local-ca/schema.ts'
import { placeholdersMigrations } from './placeholders/schema.ts'
import { recordOf } from './record-of.ts'
import { rulesMigrations } from './rules/schema.ts'
import { servicesMigrations } from './services/schema.ts'
import type { Settings } from './settings.ts'
import { takeLock } from './storage/lock.ts'
import { openStorage } from './storage/open-storage.ts'
import { prepareHome } from './storage/safe-home.ts'
import type { Storage } from './storage/storage.ts'
import { vaultMigrations } from './vault/schema.ts'
import { VERSION } from './version.ts'

export interface FoundationOptions {
  readonly settings: Settings
  readonly log: Log
  /** The process must end at once with this exit code. */
  readonly onFatal: (code: 74 | 75, cause: unknown) => void
}

export interface Foundation {
  readonly clock: Clock
  /** Of this run of the process; part of every call id and record. */
  readonly bootId: string
  readonly storage: Storage
  readonly audit: OpenedAudit
  close(): Promise<void>
}

/** One node until there are clusters. */
const NODE = 'n1'

/** Every migration of every room, in the order in which databases see them. */
export const migrations = [
  ...vaultMigrations,
  ...identityMigrations,
  ...signInMigrations,
  ...relyingMigrations,
  ...signingMigrations,
  ...servicesMigrations,
  ...grantsMigrations,
  ...approvalsMigrations,
  ...alertsMigrations,
  ...agentVaultMigrations,
  ...auditHeadMigrations,
  ...rulesMigrations,
  ...channelsMigrations,
  ...localCaMigrations,
  ...placeholdersMigrations,
  ...llmMigrations,
]

/** Rejects with a Problem for an unsafe home, one that is in use, or a newer database; then nothing stays open. */
export async function layFoundation(options: FoundationOptions): Promise<Foundation> {
  const { settings, log, onFatal } = options
  const clock = systemClock
  const bootId = base62(randomBytes(4), 6)
  prepareHome(settings.home)
  const lock = takeLock(settings.home)
  const closers: (() => Promise<void>)[] = [async () => lock.release()]
  const close = async () => {
    for (const closer of closers.splice(0)) await closer()
  }
  try {
    const room: { audit?: OpenedAudit } = {}
    const freeReserve = async () => {
      await room.audit?.makeRoom()
      return room.audit !== undefined
    }
    const file = join(settings.home, 'claviger.db')
    const storage = await openStorage({ file, migrations, clock, onFatal, freeReserve })
    closers.unshift(() => storage.close())
    const audit = await openAudit(options, storage, clock, bootId)
    room.audit = audit
    const keeper = keepHead(storage, audit, NODE, log)
    closers.unshift(
      () => audit.close(),
      () => keeper.close(),
    )
    storage.recordWith(({ id, epoch, record }) => audit.append({ ...recordOf(record), epoch, outbox: id }))
    return { clock, bootId, storage, audit, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openAudit(
  { settings, log, onFatal }: FoundationOptions,
  storage: Storage,
  clock: Clock,
  bootId: string,
) {
  const { instanceId } = storage
  return createAudit({
    dir: join(settings.home, 'audit'),
    nodeId: NODE,
    installId: Buffer.from(instanceId, 'hex'),
    origin: `claviger-${instanceId.slice(0, 16)}/audit/${NODE}`,
    bootId,
    version: VERSION,
    clock,
    epoch: () => storage.epoch(),
    database: { instanceId, epoch: storage.epoch(), head: await notedHead(storage, NODE) },
    indexFile: join(settings.home, 'audit-index.db'),
    witnessFile: settings.witnessFile,
    onFatal: (_code, cause) => onFatal(75, cause),
    onTrouble: (kind, error) => log.warn({ kind, err: error as Error }, 'a file beside the log could not be written'),
  })
}
