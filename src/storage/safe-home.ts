import { type BigIntStats, existsSync, lstatSync, mkdirSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { storageProblem } from './problems.ts'

const GROUP_AND_WORLD = 0o077n
const OTHERS_WRITE = 0o022n
const STICKY = 0o1000n
const SPECIAL = 0o6000n

/**
 * Makes sure that nobody but this user can read or change what lies in `home`, and makes it (0700) if it is not there.
 * Sets the process's umask to 077. Everything below is looked at: directories, regular files and sockets of this user's,
 * without any right for group and world, without links. Nothing is repaired: whoever could read the files has perhaps
 * done so, and a person must know. Throws Problem `home_unsafe`, which names the path and what is wrong with it.
 * `uid` is whom it all must belong to.
 */
export function prepareHome(home: string, uid = process.getuid?.() ?? 0): void {
  process.umask(0o077)
  if (!isAbsolute(home)) throw unsafe(home, 'is not an absolute path')
  checkAbove(dirname(home), uid)
  checkAbove(realpathSync(nearestThere(dirname(home))), uid)
  const stat = lstatSync(home, { throwIfNoEntry: false })
  if (!stat) mkdirSync(home, { recursive: true, mode: 0o700 })
  checkBelow(home, uid)
}

/** Whoever can write in a directory above, or owns a link on the way, can put another home in this one's place. */
function checkAbove(start: string, uid: number): void {
  for (let path = start; ; path = dirname(path)) {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
    if (stat) {
      if (!stat.isDirectory() && !stat.isSymbolicLink()) throw unsafe(path, 'is not a directory')
      if (stat.uid !== BigInt(uid) && stat.uid !== 0n) throw unsafe(path, 'belongs to another user')
      const open = stat.isDirectory() && (stat.mode & OTHERS_WRITE) !== 0n && (stat.mode & STICKY) === 0n
      if (open) throw unsafe(path, 'can be written by others')
    }
    if (path === dirname(path)) return
  }
}

function nearestThere(path: string): string {
  return existsSync(path) ? path : nearestThere(dirname(path))
}

function checkBelow(directory: string, uid: number): void {
  const stat = lstatSync(directory, { bigint: true })
  if (!stat.isDirectory()) throw unsafe(directory, stat.isSymbolicLink() ? 'is a symbolic link' : 'is not a directory')
  checkOwnerAndMode(directory, stat, uid)
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) checkBelow(path, uid)
    else checkFile(path, uid)
  }
}

function checkFile(path: string, uid: number): void {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (!stat) return // went away while we looked: a socket or a temporary file
  if (stat.isSymbolicLink()) throw unsafe(path, 'is a symbolic link')
  if (!stat.isFile() && !stat.isSocket()) throw unsafe(path, 'is neither a regular file nor a socket')
  if (stat.nlink > 1n) throw unsafe(path, 'has another hard link')
  checkOwnerAndMode(path, stat, uid)
}

function checkOwnerAndMode(path: string, stat: BigIntStats, uid: number): void {
  if (stat.uid !== BigInt(uid)) throw unsafe(path, 'belongs to another user')
  if ((stat.mode & GROUP_AND_WORLD) !== 0n) throw unsafe(path, `has mode ${octal(stat.mode)}`)
  if ((stat.mode & SPECIAL) !== 0n) throw unsafe(path, `has mode ${octal(stat.mode)}`)
}

const octal = (mode: bigint) => (mode & 0o7777n).toString(8).padStart(4, '0')

function unsafe(path: string, what: string) {
  return storageProblem('home_unsafe', { detail: `${path} ${what}`, facts: { path } })
}
