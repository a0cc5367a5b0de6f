// Importing keys that sign and logins of registries: they are put together of parts, and go where the file says.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { picture } from './instruments/picture.ts'
import { plain } from './instruments/planted-secrets.ts'
import { send } from './instruments/send.ts'
import { loopback, type World, world } from './instruments/world.ts'

const ID = 'AKIAIOSFODNN7EXAMPLE'
const SECRET = `${plain}${plain}`
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('claviger import dotfiles, of logins and keys that sign', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-logins-'))
  let around: World
  before(async () => {
    around = await world()
    const at = { origins: [around.upstream.origin], addresses: loopback }
    const sigv4 = { kind: 'sigv4', region: 'eu-west-1', service: 'sqs' }
    await around.gateway.does('POST', '/services', { name: 'queue', ...at, injection: sigv4 })
    await around.gateway.does('POST', '/services', { name: 'packages', ...at, injection: { kind: 'basic' } })
    await around.gateway.does('POST', '/services', {
      name: 'named',
      ...at,
      injection: { kind: 'basic', username: 'x' },
    })
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const json = async (line: string, code = 0) =>
    JSON.parse((await asOperator(around.gateway, `${line} --json`, code)).stdout)
  function furnish(files: Readonly<Record<string, string>>): string {
    const home = mkdtempSync(join(folder, 'home-'))
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(home, name)), { recursive: true })
      writeFileSync(join(home, name), text, { mode: 0o600 })
    }
    return home
  }
  async function granted(service: string, credential: string): Promise<string> {
    const name = `reader-${service}`
    await around.gateway.does('POST', '/agents', { name })
    await around.gateway.does('POST', '/grants', { agent: name, service, credential, scopes: [`${service}:*`] })
    return (await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: name })).token
  }

  test('makes one credential of an AWS profile, which goes on through the gateway with what stands there then', async () => {
    const file = `[default]\naws_access_key_id = ${ID}\naws_secret_access_key = ${SECRET}\nregion = eu-west-1\n`
    const home = furnish({ '.aws/credentials': file })
    const before = picture(home)
    assert.equal((await json(`import dotfiles ${home} --service aws=queue`)).secrets[0].action, 'would be stored')
    assert.deepEqual(picture(home), before)

    const done = await json(`import dotfiles ${home} --service aws=queue --write`)
    const [{ handle, service }] = done.secrets
    assert.deepEqual([handle, service], ['queue-default', 'queue'])
    const written = readFileSync(join(home, '.aws/credentials'), 'utf8')
    assert.equal(written, file.replace(SECRET, `claviger:${handle}`))
    assert.ok(done.next.some((line: string) => line.includes('endpoint_url') && line.includes('/to/queue')))

    // As a client of AWS signs it, with a key that is none.
    const token = await granted('queue', handle)
    const scope = `${ID}/20261121/eu-west-1/sqs/aws4_request`
    const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${'0'.repeat(64)}`
    const { port } = around.gateway
    const path = `/a/${token}/to/queue/?Action=ListQueues`
    const reply = await send({
      port,
      method: 'POST',
      path,
      headers: { authorization, 'x-amz-date': '20261121T000000Z' },
    })
    assert.equal(reply.status, 200, reply.text())
    const [sent = ''] = around.upstream.receipts.at(-1)?.headers.get('authorization') ?? []
    assert.match(sent, new RegExp(`^AWS4-HMAC-SHA256 Credential=${ID}/`))
    assert.ok(!sent.includes('0'.repeat(64)))

    assert.equal((await json(`import dotfiles ${home}`)).secrets.length, 0)
    await json(`import undo ${done.journal} --remove`)
    assert.equal(readFileSync(join(home, '.aws/credentials'), 'utf8'), file)
  })

  test('takes the session token of temporary keys along, and leaves half of a pair', async () => {
    const session = `${plain}/${plain}=`
    const half = `[profile half]\naws_secret_access_key = ${SECRET}h\n`
    const whole = `[dev]\naws_access_key_id=${ID}\naws_secret_access_key=${SECRET}\naws_session_token=${session}\n`
    const home = furnish({ '.aws/credentials': whole, '.aws/config': half })
    const done = await json(`import dotfiles ${home} --service aws=queue --write`)
    const told = done.secrets.map((one: Record<string, string>) => [one.place, one.action, one.handle])
    assert.deepEqual(told, [
      ['dev aws_secret_access_key', 'stored', 'queue-dev'],
      ['profile half aws_secret_access_key', 'stays', undefined],
    ])
    const written = readFileSync(join(home, '.aws/credentials'), 'utf8')
    assert.equal(written, whole.replace(SECRET, 'claviger:queue-dev').replace(session, 'claviger:queue-dev'))
    assert.equal(readFileSync(join(home, '.aws/config'), 'utf8'), half)
    await json(`import undo ${done.journal} --remove`)
  })

  test('says which values a template wants, and what a service attaches instead', async () => {
    const home = furnish({ '.aws/credentials': `[a]\naws_access_key_id=${ID}\naws_secret_access_key=${SECRET}\n` })
    const why = async (more: string) => (await json(`import dotfiles ${home}${more}`)).secrets[0]
    assert.match((await why('')).why, /service add aws --set service=… --set region=…/)
    assert.equal((await why(' --service aws=packages')).action, 'stays')
    assert.equal((await why(' --service aws=nowhere')).action, 'stays')
    const npm = furnish({ '.npmrc': `//old.example/:_auth=${base64(`me:${plain}`)}\n` })
    const of = async (service: string) =>
      (await json(`import dotfiles ${npm} --service npm-old.example=${service}`)).secrets[0].action
    assert.deepEqual(
      [await of('queue'), await of('named'), await of('packages')],
      ['stays', 'stays', 'would be stored'],
    )
  })

  test('makes a token of a login of npm, which the gateway changes back', async () => {
    const login = base64(`me:${plain}`)
    const file = `//old.example/:_auth=${login}\n//older.example/npm/:username=you\n//older.example/npm/:_password=${base64(`${plain}p`)}\n`
    const home = furnish({ '.npmrc': file })
    const as = '--service npm-old.example=packages'
    const done = await json(`import dotfiles ${home} ${as} --write`)
    const told = done.secrets.map((one: Record<string, string>) => [one.place, one.service, one.handle])
    assert.deepEqual(told, [
      ['//old.example/:_auth', 'packages', 'packages-me'],
      ['//older.example/npm/:_password', 'npm-older.example (made, at https://older.example)', 'npm-older.example-you'],
    ])
    assert.equal(
      readFileSync(join(home, '.npmrc'), 'utf8'),
      [
        '//old.example/:_authToken=$' + '{CLAVIGER_PACKAGES_ME}',
        '//older.example/npm/:username=you',
        '//older.example/npm/:_authToken=$' + '{CLAVIGER_NPM_OLDER_EXAMPLE_YOU}\n',
      ].join('\n'),
    )
    const token = await granted('packages', 'packages-me')
    const headers = { authorization: `Bearer ${token}` }
    const reply = await send({ port: around.gateway.port, method: 'GET', path: '/to/packages/left-pad', headers })
    assert.equal(reply.status, 200, reply.text())
    assert.deepEqual(around.upstream.receipts.at(-1)?.headers.get('authorization'), [`Basic ${login}`])
    await json(`import undo ${done.journal} --remove`)
    assert.equal(readFileSync(join(home, '.npmrc'), 'utf8'), file)
  })

  test('sends a login of npm to no other registry than its file says', async () => {
    const lines = [`registry=https://npm.acme.example/`, `_auth=${base64(`me:${plain}`)}`]
    const local = `//localhost:4873/:_auth=${base64(`me:${plain}l`)}`
    const token = [`//both.example/:_authToken=${plain}b`, `//both.example/:_auth=${base64(`me:${plain}c`)}`]
    const home = furnish({
      '.npmrc': [...lines, local, '//broken.example/:_auth=not.base64.at.all', ...token].join('\n'),
    })
    const told = (await json(`import dotfiles ${home}`)).secrets
    assert.deepEqual(
      told.map((one: Record<string, string>) => [one.place, one.service, one.action]),
      [
        ['_auth', 'npm-npm.acme.example (new, at https://npm.acme.example)', 'would be stored'],
        ['//localhost:4873/:_auth', 'unknown', 'stays'],
        ['//broken.example/:_auth', 'npm-broken.example', 'stays'],
        ['//both.example/:_authToken', 'npm-both.example (new, at https://both.example)', 'would be stored'],
        ['//both.example/:_auth', 'npm-both.example', 'stays'],
      ],
    )
  })

  test('stores logins of docker for their registries, and leaves the file to docker', async () => {
    const auth = base64(`me:${plain}d`)
    const file = JSON.stringify({
      auths: {
        'https://index.docker.io/v1/': { auth },
        'ghcr.io': { auth },
        'acr.example': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: `${plain}i` },
      },
    })
    const home = furnish({ '.docker/config.json': file })
    const done = await json(`import dotfiles ${home} --write`)
    assert.deepEqual(
      done.secrets.map((one: Record<string, string>) => [one.place, one.service, one.action]),
      [
        [
          'https://index.docker.io/v1/ auth',
          'docker-hub (made, at https://auth.docker.io)',
          'stored, stays in the file',
        ],
        ['ghcr.io auth', 'docker-ghcr.io (made, at https://ghcr.io)', 'stored, stays in the file'],
        ['acr.example identitytoken', 'docker-acr.example', 'stays'],
      ],
    )
    assert.equal(readFileSync(join(home, '.docker/config.json'), 'utf8'), file)
    const shown = await around.gateway.does<Record<string, unknown>>('GET', '/services/docker-hub')
    assert.deepEqual(shown.origins, ['https://auth.docker.io', 'https://registry-1.docker.io'])
    assert.deepEqual(shown.injection, { kind: 'basic' })
    const again = (await json(`import dotfiles ${home} --write`)).secrets
    assert.deepEqual(
      again.map((one: Record<string, string>) => [one.action, one.handle]),
      [
        ['was stored already, stays in the file', 'docker-hub-me'],
        ['was stored already, stays in the file', 'docker-ghcr.io-me'],
        ['stays', undefined],
      ],
    )
    const undone = await json(`import undo ${done.journal} --remove`)
    assert.deepEqual(undone.removed.sort(), ['docker-ghcr.io-me', 'docker-hub-me'])
  })
})
