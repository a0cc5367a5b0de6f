// `claviger run`: clients that want a key of the provider's form, and get a placeholder.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { MARK } from '../src/ground/placeholder-shape.ts'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { Gateway, repository } from './instruments/gateway.ts'
import { noOwnAddress, ownAddress } from './instruments/own-address.ts'
import { tlsUpstream } from './instruments/tls-upstream.ts'

/** As an OpenAI client does: the form of the key is checked, then it is sent as Bearer with a JSON body. */
const openAi = (url: string, field: string) => `
const key = process.env.OPENAI_API_KEY ?? ''
if (!/^sk-[A-Za-z0-9]{48}$/.test(key)) throw new Error('Incorrect API key provided')
const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: ${field} }] })
const headers = { authorization: 'Bearer ' + key, 'content-type': 'application/json' }
const answer = await fetch('${url}/v1/chat/completions', { method: 'POST', headers, body })
console.log(answer.status, await answer.text())
`

/** As clients of GitHub do, in another language. */
const gitHub = (url: string) => `
import os, re, urllib.request as u
key = os.environ['GITHUB_TOKEN']
assert re.fullmatch('ghp_[A-Za-z0-9]{36}', key) and key == os.environ['GH_TOKEN']
print(u.urlopen(u.Request('${url}/user', headers={'Authorization': 'token ' + key})).read().decode())
`

const noPython = spawnSync('python3', ['--version']).error === undefined ? false : 'python3 is not installed'

// Not loopback: some clients ask no proxy for that.
describe('a command that wants a key', { skip: noOpenssl() ?? noOwnAddress }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-run-placeholders-'))
  const secrets = { openai: 'sk-of-the-service-0123456789', github: 'ghp_of_the_service_0123456789' }
  let authority: Authority
  let gateway: Gateway
  const upstreams: Awaited<ReturnType<typeof tlsUpstream>>[] = []
  const urls = { openai: '', github: '' }

  before(async () => {
    authority = new Authority()
    gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
    await gateway.does('POST', '/agents', { name: 'coder' })
    for (const name of ['openai', 'github'] as const) {
      const upstream = await tlsUpstream(authority.issue({ names: `IP:${ownAddress}` }))
      upstreams.push(upstream)
      urls[name] = `https://${ownAddress}:${upstream.port}`
      const service = { template: name, origins: [urls[name]], addresses: [`${ownAddress}/32`], trust: authority.pem }
      await gateway.does('POST', '/services', { name, ...service })
      await gateway.does('POST', '/credentials', { handle: `${name}-key`, service: name, secret: secrets[name] })
      await gateway.does('POST', '/grants', { agent: 'coder', service: name, scopes: [`${name}:*`] })
    }
  })
  after(async () => {
    await gateway[Symbol.asyncDispose]()
    for (const upstream of upstreams) await upstream.close()
    authority[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => {
    for (const { sent } of upstreams) sent.splice(0)
  })

  function runs(command: readonly string[], options: readonly string[] = []) {
    const { home, operatorToken, port } = gateway
    const env = {
      ...{ PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8', OPENAI_API_KEY: 'sk-real-0123456789abcdef' },
      ...{ CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken, CLAVIGER_PORT: String(port) },
    }
    const args = [join(repository, 'bin', 'claviger.js'), 'run', '--agent', 'coder', ...options, '--', ...command]
    return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, args, { env, timeout: 120_000, cwd: folder }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
      })
    })
  }

  function node(script: string) {
    const file = join(folder, 'client.mjs')
    writeFileSync(file, script)
    return runs([process.execPath, file])
  }

  test('gets one of that form; the service gets the key, and nobody the placeholder', async () => {
    const { code, stdout, stderr } = await node(openAi(urls.openai, '"hello"'))
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^200 \{"hello":"\/v1\/chat\/completions"\}/)
    assert.match(stderr, /placeholders in its environment: .*OPENAI_API_KEY/)
    const [sent] = upstreams[0]?.sent ?? []
    assert.equal(sent?.headers.authorization, `Bearer ${secrets.openai}`)
    assert.ok(!JSON.stringify(sent).includes(MARK))
  })

  test('in another language, of another provider', { skip: noPython }, async () => {
    const { code, stderr } = await runs(['python3', '-c', gitHub(urls.github)])
    assert.equal(code, 0, stderr)
    assert.equal(upstreams[1]?.sent[0]?.headers.authorization, `Bearer ${secrets.github}`)
  })

  test('cannot send it in a prompt, or to another provider', async () => {
    const prompt = await node(openAi(urls.openai, 'key'))
    assert.match(prompt.stdout, /^400 .*placeholder_misplaced/)
    const other = await node(openAi(urls.github, '"hello"'))
    assert.match(other.stdout, /^403 .*placeholder_elsewhere/)
    assert.deepEqual(
      upstreams.map(({ sent }) => sent.length),
      [0, 0],
    )
  })

  test('says by it which service is meant, where two have the host', async () => {
    const service = { origins: [urls.github], addresses: [`${ownAddress}/32`], trust: authority.pem }
    await gateway.does('POST', '/services', { name: 'work', injection: { kind: 'bearer' }, ...service })
    await gateway.does('POST', '/credentials', {
      handle: 'work-key',
      service: 'work',
      secret: 'ghp_of_work_0123456789',
    })
    await gateway.does('POST', '/grants', { agent: 'coder', service: 'work', scopes: ['work:*'] })
    const sent = await node(`
for (const key of [process.env.WORK_API_KEY, process.env.GITHUB_TOKEN, 'of nobody']) {
  console.log((await fetch('${urls.github}/user', { headers: { authorization: 'token ' + key } })).status)
}`)
    assert.equal(sent.stdout, '200\n200\n409\n', sent.stderr)
    assert.deepEqual(
      upstreams[1]?.sent.map(({ headers }) => headers.authorization),
      ['Bearer ghp_of_work_0123456789', `Bearer ${secrets.github}`],
    )
    await gateway.does('DELETE', '/services/work')
  })

  test('gets no secret where the answer says it again, and keeps a variable that it is to keep', async () => {
    const echo = `
const answer = await fetch('${urls.openai}/v1/models?x=${secrets.openai}', { headers: { authorization: 'Bearer ' + process.env.OPENAI_API_KEY } })
console.log(answer.status, await answer.text())`
    const { stdout } = await node(echo)
    assert.match(stdout, /^200 .*\[redacted:crd_/)
    const kept = await runs(['sh', '-c', 'echo $OPENAI_API_KEY'], ['--keep-env', 'OPENAI_API_KEY'])
    assert.equal(kept.stdout, 'sk-real-0123456789abcdef\n')
  })

  test('loses it with its token', async () => {
    const { stdout } = await runs(['sh', '-c', 'echo $GITHUB_TOKEN'])
    const { items } = await gateway.does<{ items: object[] }>('GET', '/placeholders?agent=coder')
    assert.deepEqual(items, [])
    const file = join(folder, 'late.mjs')
    writeFileSync(
      file,
      `console.log((await fetch('${urls.github}/user', { headers: { authorization: 'token ${stdout.trim()}' } })).status)`,
    )
    assert.equal((await runs([process.execPath, file])).stdout, '403\n')
    assert.equal(upstreams[1]?.sent.length, 0)
  })
})
