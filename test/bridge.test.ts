// An agent in a machine of its own: by TLS to an address of a bridge, with a token that is bound to its address.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { Containers, noContainers } from './instruments/containers.ts'
import { Gateway, repository, StartFailed } from './instruments/gateway.ts'
import { type HeldPort, heldPort } from './instruments/held-port.ts'
import { noOwnAddress, ownAddress } from './instruments/own-address.ts'
import { tlsUpstream } from './instruments/tls-upstream.ts'
import { furnish, type World, world } from './instruments/world.ts'

const noCurl = spawnSync('curl', ['--version']).error === undefined ? undefined : 'curl is not installed'

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

describe('at an address of a bridge', { skip: noCurl ?? noOpenssl() ?? noOwnAddress }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-bridge-'))
  const ca = join(folder, 'ca.pem')
  const secret = 'sk-of-the-service-0123456789'
  let authority: Authority
  let around: World
  let upstream: Awaited<ReturnType<typeof tlsUpstream>>
  let held: HeldPort
  let [url, bridge] = ['', '']

  before(async () => {
    held = await heldPort()
    bridge = `${ownAddress}:${held.port}`
    authority = new Authority()
    upstream = await tlsUpstream(authority.issue())
    around = await world({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_BRIDGE_LISTEN: bridge } })
    url = `https://localhost:${upstream.port}`
    const { token } = await furnish(around.gateway, {
      ...{ name: 'secured', origins: [url], secret },
      service: { trust: authority.pem },
    })
    const headers = { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${token}` }
    const answer = await around.gateway.agent('GET', '/claviger/v1/agents/self/local-ca', { headers })
    writeFileSync(ca, (answer.json() as { certificate: string }).certificate)
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await upstream.close()
    authority[Symbol.dispose]()
    held[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => void upstream.sent.splice(0))

  async function tokenFrom(from?: string): Promise<string> {
    const body = { agent: 'agent-of-secured', ...(from && { from: [from] }) }
    return (await around.gateway.does<{ token: string }>('POST', '/tokens', body)).token
  }

  function runs(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const { PATH } = process.env
    return new Promise((resolve) => {
      execFile(file, args, { env: { PATH, HOME: folder, ...env }, timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
      )
    })
  }
  const curl = (token: string, ...more: string[]) => {
    const proxy = ['--proxy', `https://claviger:${token}@${bridge}`, '--proxy-cacert', ca, '--cacert', ca]
    return runs('curl', ['-sS', '--noproxy', '', '-w', '%{http_connect}', ...proxy, ...more, `${url}/v1/who`])
  }

  test('a client reaches the service by a proxy of HTTPS, with a token for its address', async () => {
    const { stdout, stderr, code } = await curl(await tokenFrom(ownAddress))
    assert.equal(code, 0, stderr)
    assert.match(stdout, /"\/v1\/who"/)
    assert.equal(upstream.sent[0]?.headers.authorization, `Bearer ${secret}`)
  })

  test('so does fetch of Node, by its environment', async () => {
    const proxy = `https://claviger:${await tokenFrom(ownAddress)}@${bridge}`
    const env = { HTTPS_PROXY: proxy, NODE_EXTRA_CA_CERTS: ca, NODE_USE_ENV_PROXY: '1' }
    const script = `fetch('${url}/v1/who').then((r) => r.text()).then(console.log)`
    const { stdout, stderr } = await runs(process.execPath, ['-e', script], env)
    assert.match(stdout, /"\/v1\/who"/, stderr)
  })

  test('base URLs are served too', async () => {
    const token = await tokenFrom(ownAddress)
    const args = ['-sS', '--cacert', ca, '-H', `authorization: Bearer ${token}`, `https://${bridge}/to/secured/v1/base`]
    assert.match((await runs('curl', args)).stdout, /"\/v1\/base"/)
  })

  for (const [what, from, more] of [
    ['for another address', '192.0.2.7', []],
    ['for this machine, from another address of it', '127.0.0.0/8', []],
    ['for the address of the bridge, from elsewhere', ownAddress, ['--interface', '127.0.0.1']],
    ['for anywhere', undefined, []],
  ] as const)
    test(`a token ${what} is refused`, async () => {
      const { stdout, code } = await curl(await tokenFrom(from), ...more)
      assert.notEqual(code, 0)
      assert.match(stdout, /403$/)
      assert.equal(upstream.sent.length, 0)
    })

  test('nothing is understood but TLS, by a certificate for that address alone', async () => {
    const plain = await runs('curl', ['-sS', `http://${bridge}/health`])
    assert.notEqual(plain.code, 0)
    const untrusted = await runs('curl', ['-sS', `https://${bridge}/health`])
    assert.notEqual(untrusted.code, 0)
    const shown = spawnSync('openssl', ['s_client', '-connect', bridge, '-showcerts'], { input: '', encoding: 'utf8' })
    const pem = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(shown.stdout)?.[0] ?? ''
    assert.equal(new X509Certificate(pem).subjectAltName, `IP Address:${ownAddress}`)
  })

  describe('from a container', { skip: noContainers() }, () => {
    let containers: Containers
    let token = ''
    before(async () => {
      containers = new Containers([folder, repository])
      token = await tokenFrom(containers.range)
    })
    after(() => containers[Symbol.dispose]())
    const proxied = (by: string) => ({ HTTPS_PROXY: `https://claviger:${by}@${bridge}` })
    const curlThere = (by: string) =>
      containers.run(
        [
          'curl',
          '-sS',
          '--noproxy',
          '',
          '-w',
          '%{http_connect}',
          '--proxy-cacert',
          ca,
          '--cacert',
          ca,
          `${url}/v1/who`,
        ],
        proxied(by),
      )

    test('curl reaches the service by the proxy and by base URL, and so does fetch of Node', async () => {
      const byProxy = await curlThere(token)
      assert.match(byProxy.stdout, /"\/v1\/who"/, byProxy.stderr)
      const header = `authorization: Bearer ${token}`
      const byUrl = ['curl', '-sS', '--cacert', ca, '-H', header, `https://${bridge}/to/secured/v1/base`]
      assert.match((await containers.run(byUrl)).stdout, /"\/v1\/base"/)
      const script = `fetch('${url}/v1/node').then((r) => r.text()).then(console.log)`
      const env = { ...proxied(token), NODE_EXTRA_CA_CERTS: ca, NODE_USE_ENV_PROXY: '1' }
      const byNode = await containers.run([process.execPath, '-e', script], env)
      assert.match(byNode.stdout, /"\/v1\/node"/, byNode.stderr)
      for (const { headers } of upstream.sent) assert.equal(headers.authorization, `Bearer ${secret}`)
    })

    test('a token for this machine alone is refused', async () => {
      assert.match((await curlThere(await tokenFrom(ownAddress))).stdout, /403$/)
      assert.equal(upstream.sent.length, 0)
    })

    test('the doctor finds the gateway, and what else this machine listens at', async () => {
      const server = createServer((socket) => socket.on('error', () => {}).end())
      await once(server.listen(0, ownAddress), 'listening')
      const { port } = server.address() as AddressInfo
      const doctor = [join(repository, 'bin', 'claviger.js'), 'doctor', '--inside', '--json', '--try', `tcp:${bridge}`]
      const env = { ...proxied(token), CLAVIGER_OPERATOR_PORT: String(port) }
      const { stdout, stderr, code } = await containers.run([process.execPath, ...doctor], env)
      server.close()
      assert.equal(code, 1, stderr)
      const { items } = JSON.parse(stdout) as { items: { way: string; state: string; says: string }[] }
      const found = Object.fromEntries(items.map(({ way, state, says }) => [way, { state, says }]))
      assert.equal(found.gateway?.state, 'ok', stdout)
      assert.ok(found.host?.state === 'OPEN' && found.host.says.includes(`${ownAddress}:${port} (connected)`), stdout)
      // Docker's own resolver listens on loopback in there.
      for (const way of ['loopback', 'operators', 'vault']) assert.equal(found[way]?.state, 'closed', stdout)
    })
  })

  for (const place of ['0.0.0.0:4443', '[::]:4443', '10.0.0.1', '10.0.0.1:0', 'bridge:4443'])
    test(`${place} is no such address, and there is no start`, async () => {
      await assert.rejects(Gateway.start({ env: { CLAVIGER_BRIDGE_LISTEN: place } }), (error: StartFailed) => {
        assert.ok(error instanceof StartFailed)
        assert.equal(error.code, 78)
        return true
      })
    })
})
