import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { utf8 } from '../bytes.ts'
import { generatePemKeyPair } from '../keys.ts'
import { commandSigner } from './command-signer.ts'
import { fileSigner, generateKeyFiles } from './key-file.ts'

let folder: string
let pair: { publicKey: string; privateKey: string }
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'claviger-sdk-'))
  pair = await generatePemKeyPair()
  await writeFile(join(folder, 'key.pem'), pair.privateKey)
})
after(() => rm(folder, { recursive: true }))

/** A program that does something with what it reads, as hardware's tools do. */
const program = (code: string) => [
  '--input-type=module',
  '-e',
  `import { readFileSync } from 'node:fs'; import { sign } from 'node:crypto'
   const bytes = readFileSync(0); const key = readFileSync(process.argv[1]); ${code}`,
]
const signer = (code: string, more = {}) => {
  const args = [...program(code), join(folder, 'key.pem')]
  return commandSigner({ command: process.execPath, args, publicKey: pair.publicKey, ...more })
}
const data = utf8('bytes\n')

describe('commandSigner()', () => {
  const forms: Readonly<Record<string, string>> = {
    'DER in hex': `console.log(sign('sha256', bytes, key).toString('hex'))`,
    'DER in capital hex': `console.log(sign('sha256', bytes, key).toString('hex').toUpperCase())`,
    'DER in base64url': `console.log(sign('sha256', bytes, key).toString('base64url'))`,
    'r‖s in hex': `console.log(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }).toString('hex'))`,
    'r‖s in base64url': `process.stdout.write(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url'))`,
  }
  for (const [form, code] of Object.entries(forms)) {
    test(`takes ${form}`, async () => {
      const signature = await signer(code).sign(data)
      const key = createPublicKey(pair.publicKey)
      assert.ok(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature))
    })
  }

  const failures: Readonly<Record<string, string>> = {
    'nothing is printed': ``,
    'it ends with an error': `console.error('locked'); process.exitCode = 3`,
    'something else is printed': `console.log('hello world')`,
    'the signature is over something else': `console.log(sign('sha256', Buffer.from('x'), key).toString('hex'))`,
    'too much is printed': `console.log('00'.repeat(100_000))`,
  }
  for (const [what, code] of Object.entries(failures)) {
    test(`throws when ${what}`, () => assert.rejects(signer(code).sign(data), { code: 'signer_failed' }))
  }

  test('says what the command said', async () => {
    const error = `console.error('locked'); process.exitCode = 3`
    await assert.rejects(signer(error).sign(data), /ended with 3: locked/)
  })

  test('gives up a command that does not end', async () => {
    const hangs = signer('setInterval(() => {}, 1000)', { timeoutMs: 100 })
    await assert.rejects(hangs.sign(data), /took longer than 100 ms/)
  })

  test('throws when there is no such command, and takes no line of a shell for one', async () => {
    const { publicKey } = pair
    await assert.rejects(commandSigner({ command: 'no-such-command', publicKey }).sign(data), { code: 'signer_failed' })
    const line = commandSigner({ command: `touch ${join(folder, 'made')}`, publicKey })
    await assert.rejects(line.sign(data), { code: 'signer_failed' })
    await assert.rejects(stat(join(folder, 'made')), { code: 'ENOENT' })
  })

  test('gives the command the environment that it was given', async () => {
    const code = `console.log(process.env.MARK + sign('sha256', bytes, key).toString('hex'))`
    await signer(code, { env: { MARK: '' } }).sign(data)
  })
})

describe('generateKeyFiles()', () => {
  test('makes a private file of mode 0600, its public half beside it, and overwrites neither', async () => {
    const path = join(folder, 'made.pem')
    const files = await generateKeyFiles(path)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const key = createPrivateKey(await readFile(path, 'utf8'))
    const spki = createPublicKey(key).export({ type: 'spki', format: 'pem' })
    assert.equal(await readFile(files.publicKeyFile, 'utf8'), spki)
    assert.equal(files.publicKeyFile, `${path}.pub`)
    const before = await readFile(path, 'utf8')
    await assert.rejects(generateKeyFiles(path), { code: 'file_exists' })
    assert.equal(await readFile(path, 'utf8'), before)
  })

  test('leaves no private key behind whose public half could not be written', async () => {
    const path = join(folder, 'half.pem')
    await writeFile(`${path}.pub`, 'mine')
    await assert.rejects(generateKeyFiles(path), { code: 'file_exists' })
    await assert.rejects(stat(path), { code: 'ENOENT' })
    assert.equal(await readFile(`${path}.pub`, 'utf8'), 'mine')
  })

  test('follows no link, and says when a folder is not there', async () => {
    await symlink(join(folder, 'elsewhere'), join(folder, 'link.pem'))
    await assert.rejects(generateKeyFiles(join(folder, 'link.pem')), { code: 'file_exists' })
    await assert.rejects(stat(join(folder, 'elsewhere')), { code: 'ENOENT' })
    await assert.rejects(generateKeyFiles(join(folder, 'none', 'x.pem')), { code: 'file_unwritable' })
  })
})

describe('fileSigner()', () => {
  test('signs with the key of a file that only its owner can read', async () => {
    const path = join(folder, 'own.pem')
    await generateKeyFiles(path)
    const own = await fileSigner(path)
    const key = createPublicKey(own.publicKey as string)
    assert.ok(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, await own.sign(data)))
    assert.equal(sign('sha256', data, await readFile(path)).length > 64, true)
    await chmod(path, 0o640)
    await assert.rejects(fileSigner(path), { code: 'key_file_invalid', hint: `Run: chmod 600 ${path}` })
  })

  test('refuses links, folders, large files and what holds no key', async () => {
    const path = join(folder, 'bad.pem')
    await writeFile(path, 'x'.repeat(20_000), { mode: 0o600 })
    await assert.rejects(fileSigner(path), { code: 'key_file_invalid' })
    await writeFile(path, 'hello')
    await assert.rejects(fileSigner(path), { code: 'key_invalid' })
    await symlink(path, `${path}.link`)
    for (const other of [`${path}.link`, folder, join(folder, 'none')]) {
      await assert.rejects(fileSigner(other), { code: 'key_file_invalid' })
    }
  })
})
