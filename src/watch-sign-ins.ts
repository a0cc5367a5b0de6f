// The room that watches sign-ins, with what it needs of others: the log, its index, the GeoIP file, the people to tell.
import type { OpenedAudit } from './audit/audit.ts'
import { tailRecords } from './audit/find-record.ts'
import { geoFile } from './geoip-file.ts'
import type { Clock } from './ground/clock.ts'
import type { Log } from './ground/log.ts'
import type { Finding } from './identity/sign-ins/finding.ts'
import { GeoIp } from './identity/sign-ins/geoip.ts'
import type { ReadRecords } from './identity/sign-ins/history.ts'
import { SignIns } from './identity/sign-ins/sign-ins.ts'
import type { Settings } from './settings.ts'
import { signInSettingsOf } from './sign-in-settings.ts'
import type { Storage } from './storage/storage.ts'

export interface WatchNeeds {
  readonly storage: Storage
  readonly clock: Clock
  readonly audit: OpenedAudit
  readonly settings: Settings
  readonly log: Log
  /** Somebody besides the log's readers should hear of it. */
  readonly onFinding: (finding: Finding) => void
}

export function watchSignIns({ storage, clock, audit, settings, log, onFinding }: WatchNeeds): SignIns {
  const { geoipFile } = settings
  const geo = new GeoIp(geoFile(geoipFile), clock, (error) =>
    log.warn({ file: geoipFile, err: error as Error }, 'the GeoIP file cannot be read'),
  )
  void geo.refresh()
  return new SignIns({
    storage,
    clock,
    audit,
    settings: signInSettingsOf(settings),
    geo,
    records: recordsOf(audit),
    onFinding: (finding) => {
      const { agent, type, rid } = finding
      log.warn({ agent, type, ...(rid !== undefined && { rid }) }, 'a sign-in is unlike this agent')
      onFinding(finding)
    },
    onTrouble: (error) => log.warn({ err: error as Error }, 'a sign-in could not be recorded or remembered'),
  })
}

/** By the index, or from the end of the log where there is none. */
function recordsOf(audit: OpenedAudit): ReadRecords {
  return async ({ actor, before, limit }) => {
    const filter = { actor, type: 'auth' }
    if (audit.index) return (await audit.index.find({ ...filter, before }, limit)).records
    return await tailRecords(audit.dir, { limit, filter, size: Math.min(before ?? audit.size(), audit.size()) })
  }
}
