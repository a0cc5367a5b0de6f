// What still holds old plaintext beside the places that were found: copies that OpenClaw made, logs, transcripts.
import { lstatSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import type { Found, Remark } from './found.ts'
import { holds } from './look-at-secret.ts'
import type { OpenClawPlace } from './openclaw-place.ts'
import { walk } from './walk.ts'

const MAX_BYTES = 256 * 1_048_576

/** By their names copies of what was, whatever is found in them now. */
const kinds: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^(openclaw|clawdbot)\.json\.(bak(\.\d+)?|last-good)$/, 'a copy of the configuration'],
  [/\.migrated-|\.sqlite-import\.|\.legacy-flat\.|\.oauth-ref\.\d+\.bak$/, 'what a migration left of an older store'],
  [/^(models|catalog)\.json$/, 'made by OpenClaw; older versions wrote keys into it'],
  [/-wal$/, 'changes of a database that are not in it yet'],
]

/** Files below the state folder, other than those that an import rewrites, that hold one of the secrets, or may. */
export function residue(place: OpenClawPlace, found: readonly Found[]): Remark[] {
  const read = new Set(found.map(({ source }) => source.path))
  const { files, remarks } = walk(place.state)
  return [...remarks, ...files.filter((file) => !read.has(file)).flatMap((file) => residueIn(file, place, found))]
}

function residueIn(file: string, { state }: OpenClawPlace, found: readonly Found[]): Remark[] {
  const kind = kinds.find(([pattern]) => pattern.test(basename(file)))?.[1]
  if (lstatSync(file).size > MAX_BYTES) return [{ file, why: 'is too large to look through', failed: true }]
  const bytes = readFileSync(file)
  const held = new Set(found.filter(({ secret }) => holds(bytes, secret)).map(({ place }) => place))
  if (held.size === 0)
    return kind === undefined ? [] : [{ file, why: `${kind}; holds none of the secrets that were found` }]
  const what = kind ?? (/sessions|logs/.test(relative(state, file)) ? 'a transcript or a log' : 'a file of OpenClaw’s')
  return [{ file, why: `${what}, in the clear: ${[...held].join(', ')}` }]
}

/** Places outside the state folder that a person must look at. */
export function elsewhere(place: OpenClawPlace): string {
  const logs = join(process.env.TMPDIR ?? '/tmp', 'openclaw')
  return `Not looked at: ${logs}, shell history, service units, containers, free pages of ${join(place.state, 'state')}. Keys that stood in the clear are best made anew.`
}
