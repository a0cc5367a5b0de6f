import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../../test/instruments/wait.ts'
import { verifyP256 } from './p256.ts'
import { openPkcs11, type Pkcs11Token, type TokenKey } from './pkcs11-signer.ts'
import { noSoftHsm, SoftHsm } from './softhsm.support.ts'

const source = fileURLToPath(new URL('./testing/slow-module.cpp', import.meta.url))
const includes = fileURLToPath(new URL('../../node_modules/pkcs11js/includes', import.meta.url))
const noCompiler = spawnSync('g++', ['--version']).status === 0 ? false : 'no C++ compiler'

describe('a token that does not answer', { skip: noSoftHsm() || noCompiler }, () => {
  let softHsm: SoftHsm
  let token: Pkcs11Token
  let key: TokenKey
  let slow: string
  before(async () => {
    softHsm = new SoftHsm().token('alpha')
    slow = join(softHsm.directory, 'slow')
    const module = join(softHsm.directory, 'slow-module.so')
    const built = spawnSync('g++', ['-shared', '-fPIC', `-I${includes}`, source, '-ldl', '-o', module], {
      encoding: 'utf8',
    })
    assert.equal(built.status, 0, built.stderr)
    process.env.SLOW_MODULE_FILE = slow
    process.env.SLOW_MODULE_TARGET = softHsm.module
    token = await openPkcs11({ ...softHsm.options('alpha', { patienceMs: 3_000 }), module })
    key = await token.generate()
  })
  after(async () => {
    rmSync(slow ?? '', { force: true })
    await token?.close()
    softHsm?.remove()
  })

  const sign = (text: string) => token.signer(key.ref, key.publicKey).sign(Buffer.from(text)) as Promise<Buffer>
  const late = { code: 'hsm_unavailable', status: 503 }

  test('is given up, is asked no more while two calls hang, and signs again when it answers', async () => {
    await sign('before')
    writeFileSync(slow, '')
    const hanging = [sign('one'), sign('two')].map((asked) => assert.rejects(asked, late))
    await Promise.all(hanging)
    // These would take threads from everybody else: they are refused without asking.
    for (let n = 0; n < 50; n += 1) await assert.rejects(sign(`refused ${n}`), late)
    rmSync(slow)
    const signature = await answered(() => sign('after'))
    assert.equal(verifyP256(key.publicKey.key, Buffer.from('after'), signature), true)
    assert.equal(token.lacks(key.ref), false)
  })
})

/** What hung comes back at some time after the token answers again. */
async function answered(ask: () => Promise<Buffer>): Promise<Buffer> {
  let answer: Buffer | undefined
  await until(async () => {
    answer = await ask().catch((error) => void assert.equal(error.code, 'hsm_unavailable'))
    return answer !== undefined
  })
  return answer as Buffer
}
