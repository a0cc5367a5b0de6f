// The package as it is published: built by its own tsconfig, with no dependencies, in the oldest Node it names, and typed for browsers.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import manifest from '../package.json' with { type: 'json' }

const root = join(import.meta.dirname, '..')
const tsc = join(root, '..', 'node_modules', 'typescript', 'bin', 'tsc')

/** A Node of the oldest version that the package names, where this machine has one. */
function oldNode(): string | undefined {
  const programs = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'))
  return programs.find((program) => {
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
    return stdout?.startsWith('v20.') === true
  })
}

describe('the published package', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'claviger-package-'))
    execFileSync(process.execPath, [tsc, '-p', root, '--outDir', join(folder, 'dist')], { stdio: 'inherit' })
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, private: undefined }))
  })
  after(() => rmSync(folder, { recursive: true }))

  const entries = Object.entries(manifest.exports).filter(
    (entry): entry is [string, { types: string; default: string }] => typeof entry[1] === 'object',
  )

  test('has no dependencies, and says so', () => {
    assert.deepEqual(
      Object.keys(manifest).filter((name) => /dependencies/i.test(name)),
      [],
    )
    const files = globSync('dist/**/*.js', { cwd: folder }).map((file) => readFileSync(join(folder, file), 'utf8'))
    assert.ok(files.length > 20)
    const modules = files.flatMap((text) => [...text.matchAll(/(?:from|import\() ?'([^']+)'/g)].map(([, name]) => name))
    assert.deepEqual(
      modules.filter((name) => !/^(\.|node:)/.test(name ?? '')),
      [],
    )
  })

  test('carries the licence of the whole, and the files that it publishes are there', () => {
    const [own, whole] = [root, join(root, '..')].map((at) => readFileSync(join(at, 'LICENSE'), 'utf8'))
    assert.equal(own, whole)
    assert.deepEqual(manifest.files, ['dist', 'LICENSE', 'README.md'])
    readFileSync(join(root, 'README.md'))
  })

  test('has every file that its exports name, and no test', () => {
    for (const [, { types, default: code }] of entries) {
      for (const file of [types, code]) readFileSync(join(folder, file))
    }
    assert.deepEqual(globSync('dist/**/{*.test,testing}*', { cwd: folder }), [])
  })

  const node = oldNode()
  test('runs in Node 20', { skip: node === undefined && 'no Node 20 on PATH' }, () => {
    const imports = entries.map(
      ([name]) => `import * as _${entries.findIndex(([other]) => other === name)} from '${join(manifest.name, name)}'`,
    )
    const code = `${imports.join('\n')}
      import { createVerifier, generatePemKeyPair, payloadHash, pemSigner, verifyReceipt } from '${manifest.name}'
      import { pinnedFetch } from '${manifest.name}/node'
      const { privateKey, publicKey } = await generatePemKeyPair()
      const signer = await pemSigner(privateKey)
      const signature = await signer.sign(new Uint8Array(3))
      const verified = await createVerifier({ issuer: 'https://x', audience: 'y' }).verify('x.y.z')
      pinnedFetch({ pins: ['sha256:${'0'.repeat(64)}', 'sha256:${'1'.repeat(64)}'] })
      const payload = { action: 'a', agentId: 'b', context: { c: 1e30 } }
      const receipt = await verifyReceipt('x.y.z', { keys: { keys: [] }, payload })
      const hash = await payloadHash(payload)
      console.log(JSON.stringify([signature.length, signer.publicKey === publicKey, verified.error, receipt.error, hash]))`
    writeFileSync(join(folder, 'try.mjs'), code)
    const printed = execFileSync(node as string, ['try.mjs'], { cwd: folder, encoding: 'utf8' })
    const hash = createHash('sha256').update('{"action":"a","agentId":"b","context":{"c":1e+30}}').digest('hex')
    assert.deepEqual(JSON.parse(printed), [64, true, 'malformed', 'malformed', hash])
  })

  test('is typed for browsers, without the types of Node', () => {
    const program = `import { AgentClient, createVerifier, generateKeyPair, KeyStore, PermissionError, TokenClient, webCryptoSigner } from '${manifest.name}'
      import type { ClavigerError, ServerSentEvent } from '${manifest.name}'
      import { ClauthClient, type ClauthClientOptions, ClauthError, type ClauthFetchOptions, type ClauthResponse } from '${manifest.name}/clauth'
      const clauthOptions: ClauthClientOptions = { daemonUrl: 'https://x', skillId: 'a', skillToken: 'b' }
      const asked: ClauthFetchOptions = { method: 'POST', headers: {}, body: {} }
      const { body }: ClauthResponse = await new ClauthClient(clauthOptions).fetch('a', 'b', 'a:c', 'https://y', asked)
      const login: string = body.user.login
      const statusOf = (error: unknown): number => (error instanceof ClauthError ? error.statusCode : 0)
      const pair = await generateKeyPair()
      const key: CryptoKey = pair.privateKey
      await new KeyStore().add('agent', pair)
      const own = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
      const agent = new AgentClient({ baseUrl: 'https://x', agentId: 'a', signer: await webCryptoSigner(own), fetch })
      const answer: Response = await agent.fetch('github', '/user', { method: 'POST', body: 'x' })
      const events: ServerSentEvent[] = []
      const called = await new TokenClient({ baseUrl: 'https://x', token: 't' }).call('llm', { body: new Blob(['x']).stream() })
      for await (const event of called.events()) events.push(event)
      const told = (error: ClavigerError): number | undefined => {
        switch (error.code) {
          case 'rate_limited':
            return error.retryAfterSeconds
          // @ts-expect-error nobody sends this code
          case 'rate_limitd':
            return 1
          default:
            return error instanceof PermissionError ? 2 : undefined
        }
      }
      export { answer, createVerifier, events, key, login, statusOf, told }\n`
    writeFileSync(join(folder, 'browser.ts'), program)
    const compilerOptions = {
      ...{ target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', lib: ['ES2022', 'DOM', 'DOM.Iterable'] },
      ...{ types: [], strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false },
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['browser.ts'] }))
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  })
})
