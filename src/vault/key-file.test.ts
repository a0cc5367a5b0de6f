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
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createKeyFile, readKeyFile, readOrCreateKeyFile } from './key-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-key-file-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const fresh = () => join(folder, `key-${++count}`)

function good(): string {
  const path = fresh()
  writeFileSync(path, Buffer.alloc(32, 7))
  chmodSync(path, 0o400)
  return path
}

describe('createKeyFile()', () => {
  test('makes 32 bytes, 0400, whatever the umask, that read back', async () => {
    const before = process.umask(0o777)
    const path = fresh()
    const key = await createKeyFile(path).finally(() => process.umask(before))
    assert.equal(statSync(path).mode & 0o7777, 0o400)
    assert.deepEqual((await readKeyFile(path)).reveal(), key.reveal())
    assert.equal(key.length, 32)
  })

  test('never writes over what is there', async () => {
    await assert.rejects(createKeyFile(good()), { code: 'EEXIST' })
    const link = fresh()
    symlinkSync(fresh(), link)
    await assert.rejects(createKeyFile(link), { code: 'EEXIST' })
  })

  test('makes another key each time', async () => {
    const [one, two] = await Promise.all([createKeyFile(fresh()), createKeyFile(fresh())])
    assert.notDeepEqual(one.reveal(), two.reveal())
  })
})

describe('readKeyFile()', () => {
  const bad: readonly (readonly [string, () => string])[] = [
    ['a file that others may read', () => withMode(0o444)],
    ['a file that the group may read', () => withMode(0o440)],
    ['a file that its owner may write', () => withMode(0o600)],
    ['a file that its owner may run', () => withMode(0o500)],
    ['a setuid file', () => withMode(0o4400)],
    ['a file that is too short', () => sized(31)],
    ['a file that is too long', () => sized(33)],
    ['an empty file', () => sized(0)],
    ['a symbolic link to a good file', () => linked((target, path) => symlinkSync(target, path))],
    ['a hard link to a good file', () => linked((target, path) => linkSync(target, path))],
    ['a folder', () => made((path) => mkdirSync(path, 0o400))],
    ['a pipe', () => made((path) => execFileSync('/usr/bin/mkfifo', ['-m', '0400', path]))],
  ]
  for (const [what, make] of bad) {
    test(`refuses ${what}`, () => assert.rejects(readKeyFile(make()), { code: 'key_file_unsafe' }))
  }

  test('refuses a file of another owner', {
    skip: process.geteuid?.() !== 0 && 'only root can give files away',
  }, async () => {
    const path = good()
    chownSync(path, 12_345, 12_345)
    await assert.rejects(readKeyFile(path), { code: 'key_file_unsafe' })
  })

  test('says when there is none', () => assert.rejects(readKeyFile(fresh()), { code: 'key_file_missing' }))
})

describe('readOrCreateKeyFile()', () => {
  test('makes the file once and reads it afterwards', async () => {
    const path = fresh()
    const made = await readOrCreateKeyFile(path)
    assert.deepEqual((await readOrCreateKeyFile(path)).reveal(), made.reveal())
  })

  test('does not use an unsafe one', () =>
    assert.rejects(readOrCreateKeyFile(withMode(0o644)), { code: 'key_file_unsafe' }))
})

function withMode(mode: number): string {
  const path = good()
  chmodSync(path, mode)
  return path
}

function sized(bytes: number): string {
  return made((path) => {
    writeFileSync(path, Buffer.alloc(bytes))
    chmodSync(path, 0o400)
  })
}

function linked(link: (target: string, path: string) => void): string {
  return made((path) => link(good(), path))
}

function made(make: (path: string) => void): string {
  const path = fresh()
  make(path)
  return path
}
