import type { AuditOptions } from './audit.ts'
import { AuditLog } from './audit-log.ts'
import { DiskSpace } from './disk-space.ts'
import { OutcomeEntry, otherEntry } from './entries.ts'
import { LogKeys } from './log-keys.ts'
import { outcomePieces, recordPieces } from './record-line.ts'
import type { Recovery } from './recover.ts'
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
  })
  await begin(options, recovery, writer)
  return log
}

function signerOf(options: AuditOptions, dir: string, { checkpoint }: Recovery): Signer {
  const { origin, witnessFile, onTrouble = () => {}, onSigned = () => {} } = options
  const onWitnessTrouble = (error: unknown) => onTrouble('witness', error)
  return new Signer({ dir, origin, witnessFile, last: checkpoint, onSigned, onWitnessTrouble })
}

/** `boot`, `recover` if there was something to recover, and the outcomes nobody will ever know. */
async function begin(options: AuditOptions, { cut, rebuilt, unfinished }: Recovery, writer: LogWriter): Promise<void> {
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
