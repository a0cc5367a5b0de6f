import { join } from 'node:path'

/** Records in a segment: one full level-1 tile. */
export const SEGMENT_RECORDS = 65_536

export const segmentFolder = (dir: string) => join(dir, 'seg')

export function segmentPath(dir: string, segment: number): string {
  return join(segmentFolder(dir), `${String(segment).padStart(12, '0')}.ndjson`)
}

/** The number in a segment's file name; undefined for other files. */
export function segmentNumber(name: string): number | undefined {
  const [, digits] = /^([0-9]{12})\.ndjson$/.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** `tile/<L>/<N>[.p/<W>]`, N in elements of three digits, all but the last after an `x` (c2sp.org/tlog-tiles). */
export function tilePath(dir: string, level: number, index: number, width?: number): string {
  const groups =
    String(index)
      .padStart(Math.ceil(String(index).length / 3) * 3, '0')
      .match(/[0-9]{3}/g) ?? []
  const elements = groups.map((digits, i) => (i < groups.length - 1 ? `x${digits}` : digits))
  const file = elements.join('/')
  return join(dir, 'tile', String(level), width === undefined ? file : `${file}.p/${width}`)
}

export const checkpointPath = (dir: string) => join(dir, 'checkpoint')
export const publishedFolder = (dir: string) => join(dir, 'checkpoints')
export const publishedPath = (dir: string, size: number) => join(publishedFolder(dir), `${size}.note`)
/** A note of a later state that an operator accepted as lost. */
export const lostPath = (dir: string, size: number) => join(publishedFolder(dir), `${size}.lost`)
export const tornFolder = (dir: string) => join(dir, 'torn')
export const reservePath = (dir: string) => join(dir, 'reserve')
/** The public key, for those who trust this disk. A verifier who does not brings his own copy. */
export const vkeyPath = (dir: string) => join(dir, 'log.vkey')
