// THREATS D-04: store, use, rotate and delete canaries, then look for them in every file of the database's directory.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { Secret } from '../ground/secret.ts'
import { credential, operator, testVault } from './vault.support.ts'

const COUNT = 1_000
const room = testVault()
after(() => room.remove())

/** Canaries share a beginning, so that one search finds any of them. */
const MARK = `canary${randomBytes(9).toString('hex')}`
const PASSPHRASE = `${MARK} ${randomBytes(12).toString('hex')}`
const forms = [MARK, Buffer.from(MARK).toString('hex'), ...base64Alignments(MARK)]

function base64Alignments(text: string): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]).toString('base64')
    return encoded.slice(shift === 0 ? 0 : shift + 1, -4) // without what depends on the neighbours
  })
}

function found(): string[] {
  const hits: string[] = []
  for (const entry of readdirSync(room.database.directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const bytes = readFileSync(join(entry.parentPath, entry.name))
    for (const form of forms) if (bytes.includes(form)) hits.push(`${entry.name}: ${form}`)
  }
  return hits
}

describe('secrets at rest', () => {
  test(`${COUNT} canaries, stored, used, rotated, rewrapped and deleted: none in any file, at any time`, async () => {
    const { vault, storage } = await room.open()
    const looks: string[][] = []
    const each = <T>(work: (i: number) => Promise<T>) => Promise.all(Array.from({ length: COUNT }, (_, i) => work(i)))

    await vault.setPassphrase(Secret.fromText(PASSPHRASE), { only: false }, operator)
    await each((i) => vault.store(credential(`key-${i}`, `${MARK}-${i}`, { meta: { number: String(i) } }), operator))
    looks.push(found())
    await each(async (i) => assert.equal(room.reveal(vault, vault.find(`key-${i}`)), `${MARK}-${i}`))
    await each((i) => vault.rotate(`key-${i}`, { secret: Secret.fromText(`${MARK}-${i}-again`) }, operator))
    looks.push(found())
    await vault.rotateKek(operator)
    looks.push(found())
    await each((i) => (i % 2 === 0 ? vault.remove(`key-${i}`, operator) : Promise.resolve()))
    vault.seal('operator')
    looks.push(found())
    await storage.close()
    looks.push(found())
    assert.deepEqual(looks, [[], [], [], [], []])
  })

  test('the search finds what is there: the handles', () => {
    const bytes = readdirSync(room.database.directory).map((name) => readFileSync(join(room.database.directory, name)))
    assert.ok(bytes.some((each) => each.includes('key-501')))
  })
})
