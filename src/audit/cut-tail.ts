import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { saysFull } from './disk-space.ts'
import { makeFolder, syncDirectory, writeDurably } from './durable-file.ts'
import { reservePath, segmentFolder, segmentPath, tornFolder } from './log-paths.ts'
import { readAt, withFile } from './read-lines.ts'

const CHUNK = 1_024 * 1_024

/** Keeps a torn tail for inspection; gives the name of its file in `torn/`. */
export async function keepTorn(dir: string, segment: number, from: number, now: number): Promise<string> {
  await makeFolder(tornFolder(dir))
  const name = `${String(segment).padStart(12, '0')}-${from}-${now}.bin`
  const bytes = withFile(segmentPath(dir, segment), (fd, size) => readAt(fd, from, size - from))
  await writeDurably(join(tornFolder(dir), name), bytes)
  return name
}

/**
 * Writes the first `bytes` of the open segment to a new file, syncs it and renames it over the old one. After a failed
 * sync the page cache may show bytes that the disk never got; rewriting makes the disk say yes to every byte that the log
 * goes on from. If the disk is full, the reserve is given up for it.
 */
export async function rewriteOpen(dir: string, segment: number, bytes: number): Promise<void> {
  const path = segmentPath(dir, segment)
  const temporary = `${path}.rewrite`
  try {
    await copy(path, temporary, bytes)
  } catch (error) {
    if (!saysFull(error)) throw error
    await rm(reservePath(dir), { force: true })
    await syncDirectory(dir)
    await copy(path, temporary, bytes)
  }
  await rename(temporary, path)
  await syncDirectory(segmentFolder(dir))
}

async function copy(from: string, to: string, bytes: number): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW)
  const target = await open(to, flags, 0o600)
  try {
    await pour(source, target, bytes)
    await target.sync()
  } finally {
    await source.close()
    await target.close()
  }
}

async function pour(source: FileHandle, target: FileHandle, bytes: number): Promise<void> {
  const buffer = Buffer.alloc(CHUNK)
  for (let offset = 0; offset < bytes; ) {
    const { bytesRead } = await source.read(buffer, 0, Math.min(CHUNK, bytes - offset), offset)
    if (bytesRead === 0) throw new Error('the segment became shorter while it was read')
    for (let written = 0; written < bytesRead; ) {
      written += (await target.write(buffer, written, bytesRead - written)).bytesWritten
    }
    offset += bytesRead
  }
}
