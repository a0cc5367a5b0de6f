// A start in the environment of Clauth or of agentic-credential-vault.
import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { withoutMeaning } from '../src/foreign-variables.ts'
import { loadSettings } from '../src/settings.ts'
import { Gateway } from './instruments/gateway.ts'
import { picture } from './instruments/picture.ts'

const [first, second] = ['sk-master-canary-0001', 'sk-master-canary-0002']
const env = {
  CLAUTH_HOME: '/home/somebody/.clauth',
  CLAUTH_PASSPHRASE: 'a canary passphrase',
  CLAUTH_GITHUB_CLIENT_SECRET: 'canary-client-secret',
  CLAUTH_ALLOW_REMOTE: '0',
  VAULT_SIGNING_KEY: 'canary-signing-key',
  VAULT_ADDR: 'https://another.program',
  MASTER_SECRETS_JSON: JSON.stringify({ 'github.main': first, slack: second, short: 'x' }),
}

interface Stored {
  readonly items: { handle: string; version: number; meta: Record<string, string> }[]
}

describe('the environment of other systems', () => {
  let gateway: Gateway
  before(async () => {
    gateway = await Gateway.start({ env })
  })
  after(() => gateway[Symbol.asyncDispose]())

  test('is named in one line where it means nothing, and no secret of it is said', () => {
    const lines = gateway
      .output()
      .split('\n')
      .filter((line) => line.includes('mean nothing here'))
    assert.equal(lines.length, 1, gateway.output())
    assert.equal(
      JSON.parse(lines[0] ?? '').name,
      'CLAUTH_GITHUB_CLIENT_SECRET CLAUTH_HOME CLAUTH_PASSPHRASE VAULT_SIGNING_KEY',
    )
    assert.ok(!gateway.output().includes('canary'))
  })

  test('has its master secrets sealed, once: what was rotated since stays', async () => {
    const stored = async () =>
      (await gateway.does<Stored>('GET', '/credentials')).items.filter(({ meta }) => meta.agentvault)
    assert.deepEqual((await stored()).map(({ handle }) => handle).sort(), ['github.main', 'slack'])
    await gateway.does('POST', '/credentials/slack/rotate', { secret: 'sk-newer-than-the-variable' })
    await gateway.restart()
    assert.deepEqual((await stored()).map(({ version }) => version).sort(), [1, 2])
    assert.match(gateway.output(), /"id":"short","code":"SECRET_INVALID"|this secret was not taken over/)
  })

  test('lies nowhere in the clear afterwards', () => {
    const files = Object.keys(picture(gateway.home)).map((name) => join(gateway.home, name))
    const plain = files.filter((path) => lstatSync(path).isFile())
    assert.ok(plain.length > 2)
    for (const path of plain) {
      const bytes = readFileSync(path)
      for (const secret of [first, second]) assert.ok(!bytes.includes(secret), path)
    }
  })

  test('gives a port to the door of the vault beside a variable of its own, and not else', () => {
    const listen = (more: Record<string, string>) =>
      loadSettings({ env: { CLAVIGER_HOME: '/nowhere', ...more } }).vaultListen
    assert.deepEqual(listen({ PORT: '8787', VAULT_ADMIN_TOKEN: 'x' }), { host: '127.0.0.1', port: 8787 })
    assert.deepEqual(listen({ PORT: '8787', VAULT_ADMIN_TOKEN: 'x', CLAVIGER_VAULT_LISTEN: '127.0.0.1:9' }), {
      host: '127.0.0.1',
      port: 9,
    })
    for (const more of [{}, { VAULT_ADDR: 'x' }, { VAULT_ADMIN_TOKEN: 'x', CLAVIGER_PORT: '8787' }]) {
      assert.equal(listen({ PORT: '8787', ...more }), undefined)
    }
    assert.deepEqual(withoutMeaning({ VAULT_ADDR: 'x', CLAUTH_ADMIN_TOKEN: 'x', PATH: 'x' }), [])
  })

  test('has the key for pushes sealed, once, where it is one: browsers that subscribed go on', async () => {
    const pair = createECDH('prime256v1')
    pair.generateKeys()
    const [privateKey, publicKey] = [pair.getPrivateKey('base64url'), pair.getPublicKey('base64url')]
    const own = { WEBAUTHN_RP_ID: 'localhost', VAPID_SUBJECT: 'mailto:ops@example.com', CLAVIGER_DEMO: 'off' }
    await using other = await Gateway.start({
      env: { ...own, VAPID_PRIVATE_KEY: privateKey, VAPID_PUBLIC_KEY: publicKey },
    })
    const known = async () => (await other.agent('GET', '/api/v1/push/vapid-key')).json() as { publicKey: string }
    assert.deepEqual(await known(), { publicKey })
    const { settings } = await other.does<{ settings: Record<string, string> }>('GET', '/config')
    assert.equal(settings.CLAVIGER_PUSH_CONTACT, own.VAPID_SUBJECT)
    for (const path of Object.keys(picture(other.home)).map((name) => join(other.home, name)))
      if (lstatSync(path).isFile()) assert.ok(!readFileSync(path).includes(pair.getPrivateKey()), path)
    const another = createECDH('prime256v1').generateKeys('base64url')
    await other.restart({ VAPID_PUBLIC_KEY: another })
    assert.match(other.output(), /nothing was taken over/)
    assert.deepEqual(await known(), { publicKey }, 'what is there stays')
    assert.ok(!other.output().includes(privateKey))
  })

  test('takes what is ClawGate’s beside a variable of its own, secrets out of the environment', async () => {
    const own = { WEBAUTHN_RP_ID: 'localhost', DATABASE_URL: 'postgres://u:canary@h/d', JWT_SECRET: 'canary-jwt' }
    assert.deepEqual(withoutMeaning({ ...own, VAPID_SUBJECT: 'mailto:x' }), ['DATABASE_URL', 'JWT_SECRET'])
    const { clawgateOrigins, clawgatePasskeyOrigins } = loadSettings({
      env: {
        ...{
          CLAVIGER_HOME: '/nowhere',
          WEBAUTHN_RP_ID: 'example.com',
          CORS_ORIGINS: 'https://a.test, http://b.test:81',
        },
        WEBAUTHN_RP_ORIGIN: 'https://app.example.com,https://example.com',
      },
    })
    assert.deepEqual(clawgateOrigins, ['https://a.test', 'http://b.test:81'])
    assert.deepEqual(
      clawgatePasskeyOrigins.map(({ origin, rpId }) => [origin, rpId]),
      [
        ['https://app.example.com', 'example.com'],
        ['https://example.com', 'example.com'],
      ],
    )
    for (const wrong of [
      { CORS_ORIGINS: '*' },
      { CORS_ORIGINS: 'null' },
      { CORS_ORIGINS: 'https://a.test/' },
      { CORS_ORIGINS: 'a.test' },
      { WEBAUTHN_RP_ORIGIN: 'https://example.com.evil.test' },
      { WEBAUTHN_RP_ORIGIN: 'https://notexample.com' },
      { WEBAUTHN_RP_ORIGIN: 'http://example.com' },
      { WEBAUTHN_RP_ORIGIN: 'https://a.com', WEBAUTHN_RP_ID: 'com' },
    ]) {
      const env = { CLAVIGER_HOME: '/nowhere', WEBAUTHN_RP_ID: 'example.com', ...wrong }
      assert.throws(() => loadSettings({ env }), { code: 'setting_invalid' }, JSON.stringify(wrong))
    }
    assert.deepEqual(withoutMeaning({ DATABASE_URL: 'x', JWT_SECRET: 'y', CORS_ORIGINS: 'z' }), [])
    const listen = (more: Record<string, string>) =>
      loadSettings({ env: { CLAVIGER_HOME: '/nowhere', PORT: '3000', ...more } }).clawgateListen
    assert.deepEqual(listen(own), { host: '127.0.0.1', port: 3_000 })
    assert.equal(listen({}), undefined)
    assert.equal(listen({ ...own, VAULT_ADMIN_TOKEN: 'x' }), undefined)
    await using other = await Gateway.start({ env: own })
    assert.match(other.output(), /"name":"DATABASE_URL JWT_SECRET"/)
    assert.ok(!other.output().includes('canary'))
  })
})

test('of BotMaker says where its listeners are, and which of it mean nothing', () => {
  const env = { MASTER_KEY: 'a'.repeat(64), ADMIN_TOKEN_FILE: '/run/token', DATA_PORT: '9201', DB_PATH: './proxy.db' }
  const { botmakerListen, botmakerAdminListen } = loadSettings({ env })
  assert.deepEqual(botmakerListen, { host: '127.0.0.1', port: 9201 })
  assert.deepEqual(botmakerAdminListen, { host: '127.0.0.1', port: 9100 })
  assert.deepEqual(withoutMeaning(env), ['MASTER_KEY', 'DB_PATH'])
  // One such name alone is another program's.
  const others = { ADMIN_TOKEN: 'x', DATA_PORT: '9201', DB_PATH: './x.db' }
  assert.equal(loadSettings({ env: others }).botmakerListen, undefined)
  assert.deepEqual(withoutMeaning(others), [])
})
