import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { envExample, writeEnvExample } from './env-example.ts'
import { parseEnvFile } from './env-file.ts'
import { loadSettings, loadSettingsWithSources, unknownVariables } from './settings.ts'
import { settingDocs } from './settings-schema.ts'

const root = mkdtempSync(join(tmpdir(), 'claviger-settings-'))
after(() => rmSync(root, { recursive: true }))

let homes = 0
function home(envText?: string): string {
  const path = mkdtempSync(join(root, `${homes++}-`))
  if (envText !== undefined) writeFileSync(join(path, 'env'), envText, { mode: 0o600 })
  return path
}

function file(text: string): string {
  const path = join(root, `file-${homes++}`)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

describe('loadSettings()', () => {
  test('gives every default when nothing is set', () => {
    const settings = loadSettings({ env: {} })
    assert.deepEqual(
      { ...settings },
      {
        home: join(homedir(), '.claviger'),
        host: '127.0.0.1',
        port: 4317,
        unsafePlainListen: false,
        allowedHosts: [],
        tlsCert: undefined,
        tlsKey: undefined,
        tlsOcsp: undefined,
        publicUrl: undefined,
        trustedProxies: [],
        requireHttps: 'auth',
        webSocketMessageBytes: 16_777_216,
        webSocketTotalMib: 4_096,
        bridgeListen: [],
        clauthListen: undefined,
        vaultListen: undefined,
        clawgateListen: undefined,
        botmakerListen: undefined,
        botmakerAdminListen: undefined,
        agentListen: [],
        operatorPort: undefined,
        publicRegistration: false,
        keyMaxAgeDays: 0,
        clawauthDoor: true,
        clawauthRequireV2: false,
        clauthDoor: true,
        clauthAllowRemote: false,
        clauthAllowInsecureHttp: false,
        vaultDoor: true,
        vaultAudience: 'agentic-credential-vault-proxy',
        vaultAddresses: [],
        vaultRpm: 6000,
        vaultIssuesPerMinute: 600,
        clawgateDoor: true,
        clawgateApprovers: 1,
        clawgateOwnersApprove: true,
        clawgateOrigins: [],
        clawgatePasskeyOrigins: [],
        clawgateRegistration: 'closed',
        clawgateAccountPerMinute: 30,
        clawgateVerifyPerMinute: 600,
        botmakerDoor: true,
        botmakerRequestsPerMinute: 1000,
        llmUsageDays: 90,
        ollamaEvents: true,
        ollamaUpstream: undefined,
        signingKeyDays: 30,
        hsmModule: undefined,
        hsmTokenLabel: '',
        hsmKeyLabel: 'claviger-signing',
        hsmPinFile: undefined,
        keyFile: join(homedir(), '.claviger.key'),
        witnessFile: undefined,
        maxInFlight: 2048,
        maxInFlightPerAgent: 512,
        approvalHoldSeconds: 50,
        quietHours: undefined,
        quietExcept: 'critical',
        escalateAfter: 0,
        statedAssurance: 'passkey',
        pushServices: [],
        pushContact: undefined,
        telegramApi: 'https://api.telegram.org',
        limitRegister: '5/h',
        limitChallenge: '10/min',
        limitChallengeAddress: '60/min',
        limitAuthenticate: '10/min',
        limitRefresh: '30/min',
        limitVerify: '600/min',
        limitTrust: '60/min',
        limitMetadata: '600/min',
        limitPeople: '30/min',
        signInAddresses: 'network',
        signInLearningDays: 7,
        dormantDays: 90,
        geoipFile: undefined,
        drainSeconds: 30,
        demo: true,
        log: 'info',
      },
    )
    assert.ok(Object.isFrozen(settings))
  })

  test('lets the real environment win over --env-file, and that over the file in the home', () => {
    const own = home('CLAVIGER_PORT=1\nCLAVIGER_DRAIN_SECONDS=1\nCLAVIGER_MAX_IN_FLIGHT=1\n')
    const envFile = file('CLAVIGER_PORT=2\nCLAVIGER_DRAIN_SECONDS=2\n')
    const { settings, sources } = loadSettingsWithSources({ env: { CLAVIGER_HOME: own, CLAVIGER_PORT: '3' }, envFile })
    assert.deepEqual([settings.port, settings.drainSeconds, settings.maxInFlight], [3, 2, 1])
    assert.deepEqual(
      [sources.port, sources.drainSeconds, sources.maxInFlight, sources.demo],
      ['environment', 'env file', 'home env file', 'default'],
    )
  })

  test('takes the home from --env-file and puts the key file beside it', () => {
    const own = home('CLAVIGER_PORT=9\n')
    const settings = loadSettings({ env: {}, envFile: file(`CLAVIGER_HOME=${own}\n`) })
    assert.deepEqual([settings.home, settings.keyFile, settings.port], [own, `${own}.key`, 9])
  })

  test('treats an empty value as not set', () => {
    assert.equal(
      loadSettings({ env: { CLAVIGER_HOME: home(), CLAVIGER_PORT: '', CLAVIGER_WITNESS_FILE: '' } }).port,
      4317,
    )
  })

  for (const [env, log] of [
    [{ CLAVIGER_LOG: 'WARN', LOG_LEVEL: 'trace' }, 'warn'],
    [{ LOG_LEVEL: 'trace', DEBUG: '*' }, 'trace'],
    [{ LOG_LEVEL: 'Warning' }, 'warn'],
    [{ LOG_LEVEL: 'chatty' }, 'info'],
    [{ DEBUG: '*' }, 'debug'],
    [{ DEBUG: 'express,claviger:*' }, 'debug'],
    [{ DEBUG: 'express:*' }, 'info'],
  ] as const) {
    test(`logs at ${log} with ${JSON.stringify(env)}`, () => {
      assert.equal(loadSettings({ env: { CLAVIGER_HOME: home(), ...env } }).log, log)
    })
  }

  const refused: readonly (readonly [name: string, value: string])[] = [
    ['CLAVIGER_PORT', '65536'],
    ['CLAVIGER_PORT', '80.5'],
    ['CLAVIGER_PORT', 'tcp://10.0.0.1:4317'],
    ['CLAVIGER_PORT', ' 80'],
    ['CLAVIGER_HOST', 'a b'],
    ['CLAVIGER_DEMO', 'maybe'],
    ['CLAVIGER_LOG', 'loud'],
    ['CLAVIGER_MAX_IN_FLIGHT', '0'],
    ['CLAVIGER_DRAIN_SECONDS', '-1'],
    ['CLAVIGER_ALLOWED_HOSTS', 'ok.example,http://not.example'],
    ['CLAVIGER_TLS_CERT', '/cert.pem'],
    ['CLAVIGER_TLS_KEY', '/key.pem'],
    ['CLAVIGER_TLS_KEY', '-----BEGIN PRIVATE KEY-----\nMIGH'],
    ['CLAVIGER_TLS_KEY', ' -----BEGIN PRIVATE KEY----- MIGH'],
    ['CLAVIGER_TLS_OCSP', '/ocsp.der'],
    ['CLAVIGER_PUBLIC_URL', 'http://gate.example'],
    ['CLAVIGER_PUBLIC_URL', 'https://gate.example/path'],
    ['CLAVIGER_PUBLIC_URL', 'https://user@gate.example'],
    ['CLAVIGER_PUBLIC_URL', 'https://gate.example?a'],
    ['CLAVIGER_PUBLIC_URL', 'https://gate.example./'],
    ['CLAVIGER_PUBLIC_URL', 'gate.example'],
    ['CLAVIGER_TRUSTED_PROXIES', 'nginx.internal'],
    ['CLAVIGER_TRUSTED_PROXIES', '10.0.0.0/8,10.0.0'],
    ['CLAVIGER_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['CLAVIGER_TRUSTED_PROXIES', '0.0.0.0/0'],
    ['CLAVIGER_TRUSTED_PROXIES', '127.0.0.1,::/0'],
    ['CLAVIGER_REQUIRE_HTTPS', 'on'],
    ['CLAVIGER_LIMIT_REGISTER', '0/h'],
    ['CLAVIGER_LIMIT_CHALLENGE', '10'],
    ['CLAVIGER_LIMIT_VERIFY', '600/day'],
    ['CLAVIGER_SIGN_IN_ADDRESSES', 'half'],
    ['CLAVIGER_HOME', `/${'h'.repeat(94)}`],
    ['CLAVIGER_WITNESS_FILE', join(root, 'inside', 'witness')],
  ]
  for (const [name, value] of refused) {
    test(`refuses ${name}=${value.slice(0, 40)}`, () => {
      const env = { CLAVIGER_HOME: join(root, 'inside'), [name]: value }
      assert.throws(
        () => loadSettings({ env }),
        (error: Error & { code: string }) => error.code === 'setting_invalid' && !error.message.includes('MIGH'),
      )
    })
  }

  for (const [audience, more] of [
    ['http://127.0.0.1:4317', {}],
    ['http://127.0.0.1:4317/', {}],
    ['http://127.0.0.1:9000', { CLAVIGER_PORT: '9000' }],
    ['https://gate.example', { CLAVIGER_PUBLIC_URL: 'https://gate.example:443/' }],
    ['https://GATE.example/', { CLAVIGER_PUBLIC_URL: 'https://gate.example' }],
    ['clauth', {}],
    ['rel_0123456789', {}],
  ] as const) {
    test(`refuses VAULT_AUDIENCE=${audience}, for which other tokens are`, () => {
      const env = { CLAVIGER_HOME: home(), ...more, VAULT_AUDIENCE: audience }
      assert.throws(() => loadSettings({ env }), { code: 'setting_invalid', message: /VAULT_AUDIENCE/ })
      assert.equal(loadSettings({ env: { ...env, VAULT_AUDIENCE: 'https://else.example' } }).vaultDoor, true)
    })
  }

  test('reads how requests come in', () => {
    const env = {
      CLAVIGER_HOME: home(),
      CLAVIGER_HOST: '0.0.0.0',
      CLAVIGER_TLS_CERT: '/etc/claviger/cert.pem',
      CLAVIGER_TLS_KEY: '~/key.pem',
      CLAVIGER_TLS_OCSP: '/etc/claviger/ocsp.der',
      CLAVIGER_PUBLIC_URL: 'https://Gate.Example:443/',
      CLAVIGER_TRUSTED_PROXIES: '127.0.0.1, fd00::/16',
      CLAVIGER_REQUIRE_HTTPS: 'ALL',
    }
    const { host, tlsCert, tlsKey, tlsOcsp, publicUrl, trustedProxies, requireHttps } = loadSettings({ env })
    assert.deepEqual(
      [host, tlsCert, tlsKey, tlsOcsp, publicUrl, trustedProxies, requireHttps],
      [
        '0.0.0.0',
        '/etc/claviger/cert.pem',
        join(homedir(), 'key.pem'),
        '/etc/claviger/ocsp.der',
        'https://gate.example',
        ['127.0.0.1', 'fd00::/16'],
        'all',
      ],
    )
  })

  test('takes the place of the TLS key from a file of settings, which holds no other name that ends so', () => {
    const own = home('CLAVIGER_TLS_CERT=/c\nCLAVIGER_TLS_KEY=/k\n')
    assert.equal(loadSettings({ env: { CLAVIGER_HOME: own } }).tlsKey, '/k')
  })

  for (const host of ['0.0.0.0', '::', '10.0.0.1', '192.168.1.7', 'gateway.example', '128.0.0.1']) {
    test(`refuses to listen on ${host} in clear unless told that it is unsafe`, () => {
      const env = { CLAVIGER_HOME: home(), CLAVIGER_HOST: host }
      assert.throws(() => loadSettings({ env }), { code: 'setting_unsafe' })
      assert.equal(loadSettings({ env: { ...env, CLAVIGER_UNSAFE_PLAIN_LISTEN: '1' } }).host, host)
    })
  }

  for (const host of ['127.0.0.1', '127.8.8.8', '[::1]', '::1', 'localhost']) {
    test(`listens on ${host}`, () => {
      assert.equal(
        loadSettings({ env: { CLAVIGER_HOME: home(), CLAVIGER_HOST: host } }).host,
        host.replace(/[[\]]/g, ''),
      )
    })
  }
})

describe('an env file', () => {
  const known = (name: string) => name.startsWith('CLAVIGER_P') || name === 'CLAVIGER_KEY_FILE'
  const parse = (text: string) => ({ ...parseEnvFile(text, 'env', known) })

  test('holds NAME=value lines, comments, quotes', () => {
    const text =
      '# a comment\n\nCLAVIGER_P1=plain value  # why\nexport CLAVIGER_P2 = "a \\"b\\"\\n#c" # d\r\nCLAVIGER_P3=\'$x \\n\'\nCLAVIGER_P4='
    assert.deepEqual(parse(text), {
      CLAVIGER_P1: 'plain value',
      CLAVIGER_P2: 'a "b"\n#c',
      CLAVIGER_P3: '$x \\n',
      CLAVIGER_P4: '',
    })
    assert.deepEqual(parse('CLAVIGER_KEY_FILE=/x#y'), { CLAVIGER_KEY_FILE: '/x#y' })
  })

  for (const line of [
    'CLAVIGER_OPERATOR_TOKEN=op_1',
    'CLAVIGER_TOKEN=',
    'CLAVIGER_PASSPHRASE=x',
    'CLAVIGER_P_KEY=x',
    'GITHUB_SECRET=x',
    'CLAVIGER_P_PASSWORD=x',
    'OPENAI_API_KEY=sk-1',
    'CLAVIGER_PROT=1\nCLAVIGER_PROT=2',
    'CLAVIGER_HOST=x',
    'PATH=/bin',
    'no equals sign',
    '=value',
    '1A=b',
    'CLAVIGER_P1="open',
    "CLAVIGER_P1='a' b",
    'CLAVIGER_P1=a\0b',
  ]) {
    test(`refuses ${JSON.stringify(line)} and does not repeat its value`, () => {
      assert.throws(
        () => parse(line),
        (error: Error & { code: string }) => error.code === 'env_file_invalid' && !error.message.includes('sk-1'),
      )
    })
  }

  test('must exist when it was asked for', () => {
    assert.throws(() => loadSettings({ env: {}, envFile: join(root, 'none') }), { code: 'env_file_invalid' })
  })

  test('cannot move the home it lies in', () => {
    const own = home('CLAVIGER_HOME=/elsewhere\n')
    assert.throws(() => loadSettings({ env: { CLAVIGER_HOME: own } }), { code: 'env_file_invalid' })
  })

  test('is refused when others may write to it, when it is a link in the home, and when it is a folder', () => {
    const loose = home('CLAVIGER_PORT=1\n')
    chmodSync(join(loose, 'env'), 0o620)
    const linked = home()
    symlinkSync(file('CLAVIGER_PORT=1\n'), join(linked, 'env'))
    for (const own of [loose, linked]) {
      assert.throws(() => loadSettings({ env: { CLAVIGER_HOME: own } }), { code: 'env_file_invalid' })
    }
    assert.throws(() => loadSettings({ env: {}, envFile: root }), { code: 'env_file_invalid' })
  })
})

describe('the example in a new home', () => {
  test('shows every setting and sets none', () => {
    const own = home()
    assert.equal(writeEnvExample(own), true)
    assert.equal(writeEnvExample(own), false)
    assert.deepEqual(
      { ...loadSettings({ env: { CLAVIGER_HOME: own } }) },
      { ...loadSettings({ env: { CLAVIGER_HOME: own } }) },
    )
    for (const { env } of settingDocs())
      if (env !== 'CLAVIGER_HOME') assert.match(envExample(), new RegExp(`^#${env}=`, 'm'))
  })

  test('gives the defaults once its lines are no comments', () => {
    const own = home()
    const lines = envExample()
      .replace(/^#(CLAVIGER_.*)$/gm, '$1')
      .replace('$CLAVIGER_HOME', own)
    const set = loadSettings({ env: { CLAVIGER_HOME: own }, envFile: file(lines) })
    assert.deepEqual({ ...set }, { ...loadSettings({ env: { CLAVIGER_HOME: own } }) })
  })
})

test('unknownVariables() finds names that mean nothing', () => {
  const env = { CLAVIGER_PROT: '1', CLAVIGER_PORT: '1', CLAVIGER_TOKEN: 'x', HOME: '/root' }
  assert.deepEqual(unknownVariables(env), ['CLAVIGER_PROT'])
})
