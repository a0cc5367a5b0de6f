// What an operator must hear of although no call asked for it: each is a line for people and a record.
import type { AlertEvent } from './alerts/contract.ts'
import type { Audit, OtherRecord } from './audit/contract.ts'
import type { Log } from './ground/log.ts'
import type { Permit } from './policy/permit.ts'

export interface Alarms {
  /** A credential that does not open: it is disabled. */
  damagedCredential(credential: string): void
  /** A row that was edited by other hands: it is refused. */
  editedRow(table: string, id: string): void
  /**
   * Runs `look`, which reads rows before the log can be written: what they raise is told to people at once, and recorded
   * when the same rows are read again with the log open.
   */
  beforeTheLog<T>(look: () => Promise<T>): Promise<T>
  /** An answer held the secret that was sent: it was taken out. */
  echo(permit: Permit, count: number): void
}

/** `tell` hears of each alarm, too. */
export function createAlarms(audit: Audit, log: Log, tell: (event: AlertEvent) => void): Alarms {
  const record = (entry: OtherRecord) =>
    void audit
      .append(entry)
      .catch((error: Error) => log.error({ kind: entry.type, err: error }, 'an alarm could not be recorded'))
  return {
    ...rowAlarms(record, log, tell),
    damagedCredential: (credential) => {
      log.error({ credential }, 'a credential does not open and is disabled')
      record({ type: 'secret.integrity_failed', ev: { credential } })
      tell({ type: 'credential.damaged', data: { credentialId: credential } })
    },
    echo: ({ call, credential }, count) => {
      log.warn({ rid: call.rid, service: call.serviceName, count }, 'an answer held the credential; it was taken out')
      record({
        type: 'echo',
        rid: call.rid,
        ev: { service: call.serviceName, count, ...(credential !== undefined && { credential }) },
      })
      tell({
        type: 'echo',
        data: { requestId: call.rid, service: call.serviceName, agentId: call.agent, count },
        subject: call.agent,
      })
    },
  }
}

function rowAlarms(
  record: (entry: OtherRecord) => void,
  log: Log,
  tell: (event: AlertEvent) => void,
): Pick<Alarms, 'editedRow' | 'beforeTheLog'> {
  let early = false
  const told = new Set<string>()
  return {
    editedRow: (table, id) => {
      const row = `${table} ${id}`
      if (!told.delete(row)) log.error({ kind: table, id }, 'a row was edited by other hands and is refused')
      if (early) return void told.add(row)
      record({ type: 'config', ev: { what: 'row.refused', table, id } })
      tell({ type: 'row.edited', data: { table, id } })
    },
    beforeTheLog: async (look) => {
      told.clear()
      early = true
      try {
        return await look()
      } finally {
        early = false
      }
    },
  }
}
