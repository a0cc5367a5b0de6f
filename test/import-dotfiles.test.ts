// Importing the files of a home folder.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { picture } from './instruments/picture.ts'
import { github, npm, plain } from './instruments/planted-secrets.ts'

const hosts = (token: string) => `github.com:
    users:
        me:
            oauth_token: ${token}
    git_protocol: https
    user: me
    oauth_token: ${token}
github.acme.example:
    oauth_token: ${plain}
    user: other
`
const netrc = `# mine
machine api.github.com login me password ${github} # not a comment
machine tickets.example
  login bot
  password "${plain}x"
machine ftp.example password ${plain}y login you
macdef init
  password ${plain}z

`
const npmrc = `; config
registry=https://registry.npmjs.org/
//registry.npmjs.org/:_authToken=${npm}
//npm.acme.example/:_authToken="${plain}n"
//old.example/:_auth=${Buffer.from(`you:${plain}`).toString('base64')}
//set.example/:_authToken=\${SET_BEFORE}
`
const aws = `[default]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = ${plain}${plain}
`
const docker = JSON.stringify({
  auths: { 'https://index.docker.io/v1/': { auth: Buffer.from(`me:${plain}`).toString('base64') } },
})

describe('claviger import dotfiles', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-dotfiles-'))
  let gateway: Gateway
  let home: string
  before(async () => {
    gateway = await Gateway.start()
    for (const [name, origin] of [
      ['tickets', 'https://tickets.example'],
      ['npm', 'https://registry.npmjs.org'],
      ['acme-npm', 'https://npm.acme.example'],
    ])
      await gateway.does('POST', '/services', { name, origins: [origin], injection: { kind: 'bearer' } })
  })
  after(async () => {
    await gateway[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const json = async (line: string, code = 0) => JSON.parse((await asOperator(gateway, `${line} --json`, code)).stdout)
  function furnish(files: Readonly<Record<string, string>>): string {
    home = mkdtempSync(join(folder, 'home-'))
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(home, name)), { recursive: true })
      writeFileSync(join(home, name), text, { mode: 0o600 })
    }
    return home
  }
  const files = {
    '.config/gh/hosts.yml': hosts(github),
    '.netrc': netrc,
    '.npmrc': npmrc,
    '.aws/credentials': aws,
    '.docker/config.json': docker,
  }

  test('tells every secret with its place, sends none to a host that merely looks alike, and touches nothing', async () => {
    furnish(files)
    const before = picture(home)
    const { secrets } = await json(`import dotfiles ${home}`)
    assert.deepEqual(picture(home), before)
    const told = secrets.map((one: Record<string, string>) => [one.place, one.service, one.action, one.handle])
    assert.deepEqual(told.sort(), [
      ['//npm.acme.example/:_authToken', 'acme-npm', 'would be stored', 'acme-npm-auth-token'],
      [
        '//old.example/:_auth',
        'npm-old.example (new, at https://old.example)',
        'would be stored',
        'npm-old.example-you',
      ],
      ['//registry.npmjs.org/:_authToken', 'npm', 'would be stored', 'npm-auth-token'],
      ['api.github.com password', 'github (new)', 'would be stored', 'github-me'],
      ['default aws_secret_access_key', 'aws', 'stays', undefined],
      ['ftp.example password', 'unknown', 'stays', undefined],
      ['github.acme.example.oauth_token', 'unknown', 'stays', undefined],
      ['github.com.oauth_token', 'github (new)', 'would be stored', 'github-me'],
      ['github.com.users.me.oauth_token', 'github (new)', 'would be stored', 'github-me'],
      [
        'https://index.docker.io/v1/ auth',
        'docker-hub (new, at https://auth.docker.io)',
        'would be stored, stays in the file',
        'docker-hub-me',
      ],
      ['tickets.example password', 'tickets', 'would be stored', 'tickets-bot'],
    ])
  })

  test('writes what each reader understands, and undoes it', async () => {
    furnish(files)
    const done = await json(`import dotfiles ${home} --write`)
    const read = (name: string) => readFileSync(join(home, name), 'utf8')
    const handle = done.secrets.find((one: { place: string }) => one.place === 'github.com.oauth_token').handle
    const pointer = `# claviger: oauth_token is credential ${handle} of service github`
    const whole = hosts(github).replaceAll(`oauth_token: ${github}`, pointer)
    assert.equal(read('.config/gh/hosts.yml'), whole)
    const { parse } = await import('yaml')
    assert.equal(parse(read('.config/gh/hosts.yml'))['github.com'].oauth_token, undefined)
    assert.equal(
      read('.netrc'),
      netrc.replace(github, `claviger:${handle}`).replace(`"${plain}x"`, 'claviger:tickets-bot'),
    )
    assert.equal(
      read('.npmrc'),
      npmrc
        .replace(npm, '$' + '{CLAVIGER_NPM_AUTH_TOKEN}')
        .replace(`"${plain}n"`, '$' + '{CLAVIGER_ACME_NPM_AUTH_TOKEN}')
        .replace(/_auth=.*/, '_authToken=$' + '{CLAVIGER_NPM_OLD_EXAMPLE_YOU}'),
    )
    assert.equal(read('.aws/credentials'), aws)
    assert.equal(read('.docker/config.json'), docker)
    assert.ok(done.next.some((line: string) => line.includes('CLAVIGER_NPM_AUTH_TOKEN')))
    const { items } = await gateway.does<{ items: { handle: string; meta: { username?: string } }[] }>(
      'GET',
      '/credentials',
    )
    assert.equal(items.find((one) => one.handle === 'tickets-bot')?.meta.username, 'bot')
    await json(`import undo ${done.journal}`)
    for (const [name, text] of Object.entries(files)) assert.equal(read(name), text)
  })

  test('goes on when one of them is broken', async () => {
    furnish({
      '.config/gh/hosts.yml': 'a: [b\nc: "',
      '.docker/config.json': '{"auths": ',
      '.npmrc': `//npm.acme.example/:_authToken=${plain}k`,
    })
    const told = await json(`import dotfiles ${home}`, 3)
    assert.deepEqual(
      told.remarks.map(({ why }: { why: string }) => why.replace(`${home}/`, '')),
      ['.config/gh/hosts.yml is not YAML.', '.docker/config.json is not JSON (line 1).'],
    )
    assert.equal(told.secrets.length, 1)
    assert.ok(!JSON.stringify(told).includes(plain))
  })
})
