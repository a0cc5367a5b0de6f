import type { AuditOptions } from './audit.ts'
import { AuditLog, type HeldLog } from './audit-log.ts'
import { DiskSpace } from './disk-space.ts'
import { writeDurably } from './durable-file.ts'
import { OutcomeEntry, otherEntry } from './entries.ts'
import { LogKeys } from './log-keys.ts'
import { lostPath } from './log-paths.ts'
import { outcomePieces, recordPieces } from './record-line.ts'
import type { Cut, Recovery } from './recover.ts'
import { Signer } from './signer.ts'
import type { TileWriter } from './tiles.ts'
import { LogWriter } from './writer.ts'

/** Puts the parts of an open log together and writes its first records of this boot. */
export async function openLog(
  options: AuditOptions,
  dir: string,
  recovery: Recovery,
  tiles: TileWriter,
): Promise<AuditLog> {
  const { clock, origin, onTrouble = () => {} } = options
  const signer = signerOf(options, dir, recovery)
  const keys = new LogKeys(dir, origin, signer, recovery.verdict)
  const writer: LogWriter = new LogWriter({
    dir,
    nodeId: options.nodeId,
    head: { seq: recovery.tree.size, prev: recovery.prev },
    clock,
    space: new DiskSpace(dir, options.reserveBytes),
    disk: options.disk,
    onFatal: options.onFatal,
    onDurable: (entries, leaves) => log.durable(entries, leaves),
    tailKey: () => keys.tail,
  })
  const log: AuditLog = new AuditLog({
    boot: options.bootId,
    clock,
    writer,
    tree: recovery.tree,
    tiles,
    signer,
    keys,
    epoch: options.epoch,
    database: options.database?.instanceId,
    unanchored: recovery.unfinished.sinceAnchor,
    onTrouble,
    held: beginning(options, dir, recovery, writer),
  })
  if (recovery.state === 'open') await begin(options, recovery, recovery.cut, writer)
  return log
}

/** What makes a held log an open one: until an operator accepts it, nothing of it is changed. */
function beginning(options: AuditOptions, dir: string, recovery: Recovery, writer: LogWriter): HeldLog | undefined {
  if (recovery.state !== 'held') return undefined
  const lost = recovery.lost.map(({ from, size, root }) => ({ from, size, root: root.toString('base64') }))
  return {
    detail: recovery.verdict.ok ? '' : recovery.verdict.detail,
    ev: { lost },
    begin: async () => {
      // The witness file is about to hold our own notes again: what it knew of the lost records is kept.
      for (const { note, size } of recovery.lost) if (note) await writeDurably(lostPath(dir, size), note)
      await begin(options, recovery, await recovery.makeReady(), writer)
    },
  }
}

function signerOf(options: AuditOptions, dir: string, { checkpoint }: Recovery): Signer {
  const { origin, witnessFile, onTrouble = () => {}, onSigned = () => {} } = options
  const onWitnessTrouble = (error: unknown) => onTrouble('witness', error)
  return new Signer({ dir, origin, witnessFile, last: checkpoint, onSigned, onWitnessTrouble })
}

/** `boot`, `recover` if there was something to recover, and the outcomes nobody will ever know. */
async function begin(
  options: AuditOptions,
  { rebuilt, unfinished }: Recovery,
  cut: Cut | undefined,
  writer: LogWriter,
): Promise<void> {
  const { bootId, version, clock } = options
  const write = (type: string, ev: Readonly<Record<string, string | number>>) =>
    new Promise<number>((written, refuse) => {
      const pieces = recordPieces(bootId, { type, ev })
      writer.submit(otherEntry({ type, pieces, since: clock.mono(), urgent: true, useReserve: true, written, refuse }))
    })
  const records = [write('boot', { version })]
  if (cut) records.push(write('recover', { cut: cut.bytes, reason: cut.reason, torn: cut.file }))
  if (rebuilt) records.push(write('recover', { cut: 0, reason: 'tiles_rebuilt' }))
  for (const rid of unfinished.intents.keys()) {
    const pieces = outcomePieces(bootId, rid, { error: 'unknown_crash' })
    writer.submit(new OutcomeEntry(rid, pieces, clock.mono()))
  }
  await Promise.all(records)
  await writer.idle()
}
