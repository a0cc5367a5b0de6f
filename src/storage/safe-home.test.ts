import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, afterEach, beforeEach, describe, test } from 'node:test'
import { prepareHome } from './safe-home.ts'

const SOMEBODY_ELSE = 65_534
const isRoot = process.getuid?.() === 0
const umask = process.umask()
after(() => process.umask(umask))

/** Does something to a path and gives the path. */
const doing = (path: string, act: () => void): string => {
  act()
  return path
}
const moded = (path: string, mode: number) => doing(path, () => chmodSync(path, mode))
const made = (path: string) => doing(path, () => mkdirSync(path, { mode: 0o700 }))
const written = (path: string) => doing(path, () => writeFileSync(path, '', { mode: 0o600 }))
const dangling = (path: string) => doing(path, () => symlinkSync('/nonexistent/claviger', path))
const piped = (path: string) => doing(path, () => execFileSync('mkfifo', ['-m', '600', path]))
const owned = (path: string) => doing(path, () => chownSync(path, SOMEBODY_ELSE, SOMEBODY_ELSE))
const hardLinked = (path: string, elsewhere: string) =>
  doing(path, () => linkSync(written(path), join(elsewhere, 'second-name')))

function replaced(home: string): string {
  rmSync(home, { recursive: true })
  return written(home)
}

function linked(path: string, to: string): string {
  rmSync(path, { recursive: true, force: true })
  symlinkSync(made(to), path)
  return path
}

/** Each spoils a good home, and says which path must be named. */
interface BadLayout {
  readonly what: string
  readonly needsRoot?: true
  readonly spoil: (home: string) => string
}

const layouts: readonly BadLayout[] = [
  { what: 'the home is open to the group', spoil: (home) => moded(home, 0o750) },
  { what: 'the home is open to the world', spoil: (home) => moded(home, 0o701) },
  { what: 'the home is a symbolic link', spoil: (home) => linked(home, join(dirname(home), 'real')) },
  { what: 'the home is a file', spoil: replaced },
  { what: 'the home belongs to another user', needsRoot: true, spoil: owned },
  { what: 'the database is readable by the group', spoil: (home) => moded(written(join(home, 'claviger.db')), 0o640) },
  { what: 'the database is writable by the world', spoil: (home) => moded(written(join(home, 'claviger.db')), 0o602) },
  {
    what: 'the database is a symbolic link',
    spoil: (home) => linked(join(home, 'claviger.db'), join(dirname(home), 'db')),
  },
  {
    what: 'the database has a second hard link',
    spoil: (home) => hardLinked(join(home, 'claviger.db'), dirname(home)),
  },
  {
    what: 'the database belongs to another user',
    needsRoot: true,
    spoil: (home) => owned(written(join(home, 'claviger.db'))),
  },
  { what: 'the lock is a dangling symbolic link', spoil: (home) => dangling(join(home, 'lock.db')) },
  { what: 'the audit directory is open to the group', spoil: (home) => moded(made(join(home, 'audit')), 0o770) },
  {
    what: 'a directory far below is a symbolic link',
    spoil: (home) => linked(join(made(join(home, 'audit')), 'seg'), join(dirname(home), 'seg')),
  },
  {
    what: 'a file far below is open to the world',
    spoil: (home) => moded(written(join(made(join(home, 'audit')), 'x')), 0o604),
  },
  { what: 'a pipe lies in the home', spoil: (home) => piped(join(home, 'claviger.db-wal')) },
  { what: 'a file has the set-user-id bit', spoil: (home) => moded(written(join(home, 'x')), 0o4600) },
  { what: 'the directory above can be written by others', spoil: (home) => moded(dirname(home), 0o777) },
  { what: 'the directory above belongs to another user', needsRoot: true, spoil: (home) => owned(dirname(home)) },
]

describe('prepareHome()', () => {
  let above: string
  let home: string
  beforeEach(() => {
    above = mkdtempSync(join(tmpdir(), 'claviger-home-'))
    home = join(above, 'home')
  })
  afterEach(() => rmSync(above, { recursive: true, force: true }))

  test('makes what is missing 0700, takes it again, and sets the umask', () => {
    process.umask(0o000)
    const deep = join(above, 'a', 'b')
    prepareHome(deep)
    assert.equal(statSync(deep).mode & 0o777, 0o700)
    assert.equal(statSync(dirname(deep)).mode & 0o777, 0o700)
    writeFileSync(join(deep, 'file'), '')
    assert.equal(statSync(join(deep, 'file')).mode & 0o777, 0o600)
    prepareHome(deep)
  })

  test('refuses a relative path, and a home that is not its own', () => {
    assert.throws(() => prepareHome('home'), { code: 'home_unsafe' })
    mkdirSync(home, { mode: 0o700 })
    assert.throws(() => prepareHome(home, (process.getuid?.() ?? 0) + 1), { code: 'home_unsafe' })
  })

  for (const { what, needsRoot, spoil } of layouts) {
    const skip = needsRoot && !isRoot ? 'only root can give files away' : false
    test(`refuses: ${what}; names the path and repairs nothing`, { skip }, () => {
      prepareHome(home)
      const path = spoil(home)
      for (let again = 0; again < 2; again += 1) {
        assert.throws(() => prepareHome(home), { code: 'home_unsafe', facts: { path } })
      }
    })
  }
})
