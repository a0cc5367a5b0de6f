import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secretNames } from './run-environment.ts'

const found = (env: Record<string, string>) => secretNames(env, new Set())

test('secretNames() finds passwords and tokens that stand in addresses', () => {
  const secrets = {
    DATABASE_URL: 'postgres://app:hunter2@db.example.com/app',
    CACHE: 'redis://:hunter2@cache.example.com:6379/0',
    PIP_INDEX_URL: 'https://__token__:pypi-AgEIcHlwaS5vcmc@pypi.example.com/simple',
    MIRROR: 'https://ghp_0123456789abcdefABCDEF@github.com/x/y.git',
  }
  for (const [name, value] of Object.entries(secrets)) assert.deepEqual(found({ [name]: value }), [name])
})

test('secretNames() finds what programs call a password in their own way', () => {
  for (const name of ['PGPASSWORD', 'MYSQL_PWD', 'DB_PASS', 'SMTP_PASSWORD', 'BORG_PASSPHRASE', 'GH_TOKEN'])
    assert.deepEqual(found({ [name]: 'hunter2' }), [name])
})

test('secretNames() leaves places and words alone', () => {
  const plain = {
    PATH: '/usr/local/bin:/usr/bin',
    PWD: '/home/ann/Project0123456789',
    OLDPWD: '/home/ann',
    SSH_ASKPASS: '/usr/bin/ssh-askpass',
    HOMEPAGE: 'https://example.com/a1b2c3d4e5f6a7b8?mail=ann@example.com',
    ORIGIN: 'ssh://git@github.com/x/y.git',
    EDITOR: 'vim',
  }
  assert.deepEqual(found(plain), [])
})
