import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { checkpointPath, publishedFolder, publishedPath } from './log-paths.ts'

const LONGEST = 64 * 1_024

export interface Note extends Checkpoint {
  /** The note as it stands in its file. */
  readonly note: string
}

/** Reads a checkpoint file; undefined if there is none or it is not a checkpoint. */
export async function readNote(path: string): Promise<Note | undefined> {
  const note = await readSmall(path)
  const parsed = note === undefined ? undefined : parseCheckpoint(note)
  return parsed && note !== undefined ? { ...parsed, note } : undefined
}

/** The newest checkpoint in the log's own directory: `checkpoint`, or a published one if that is newer. */
export async function newestNote(dir: string): Promise<Note | undefined> {
  const current = await readNote(checkpointPath(dir))
  const sizes = await publishedSizes(dir)
  const published = sizes.at(-1)
  if (published === undefined || (current !== undefined && current.size >= published)) return current
  return (await readNote(publishedPath(dir, published))) ?? current
}

/** Sizes of the published checkpoints, ascending. */
export async function publishedSizes(dir: string): Promise<number[]> {
  const names = await readdir(publishedFolder(dir)).catch(() => [])
  const sizes = names.map((name) => /^(\d{1,16})\.note$/.exec(name)?.[1]).filter((digits) => digits !== undefined)
  return sizes.map(Number).sort((a, b) => a - b)
}

async function readSmall(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(LONGEST), 0, LONGEST, 0)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
