// A released migration was applied to databases that nobody here can reach: it never changes.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { migrations } from './foundation.ts'
import { storageMigrations } from './storage/base-schema.ts'
import { kyselyOver, StatementCache } from './storage/sqlite-dialect.ts'

/** SHA-256 over the SQL of each one. A new migration adds its line; a line that is here is never edited. */
const RELEASED: Readonly<Record<string, string>> = {
  '0001-agentvault': 'ba0a9e8302b60d8851238cc1fb0a793a8ab54f0d8bfb77be02830a611df273e1',
  '0001-alerts': 'b18a9689cb58d74d0baab8edac617eab3a1cdb88fcb085c7710b89111790637f',
  '0001-approvals': 'dc5c20af314e4898dfe278dcfde9a5ca044c0d7ef52a8cb0af50c593000b30ec',
  '0001-audit-heads': 'd60c7c681e3ef7af94e28e406fc3335a13541ef37ce221cea1b5416d9c32236f',
  '0001-grants': '72ac7fde678e0e354dc08b096af16663a99b9e8615df4c8a3cec3a3f0200f952',
  '0001-identity': 'a077d3e4dab7c7b2c229a2ee0d5562b700e2ac9950b65b193e86513bda706b78',
  '0001-relying': 'fef06db0aad4a76a65618bf68e28ce996fdf62d7b9974c0be4169d6284de2d45',
  '0001-services': 'be46a7b2cc4ce3d7dcd6ac38e3d7a7138a9132a849cabef42ba695889ff8b9c0',
  '0001-sign-in-places': '31b05171c19cc8357dbc25d79e9be1840879e9be5ca943d9c5413a962d11ba9f',
  '0001-signing-keys': 'f01f0de2c303461f42564f67aadd86c736e978d8bf818839f64adad76e1c318e',
  '0001-storage': 'e4708f1818882fc03904ee8cae950ae6aba43bdfcc4c3f6282bfa216a35bd8fa',
  '0001-vault': '8dafd09c8bcae5b370bec799f650f603f3c72b1748256a3f4852b5e767b79222',
  '0002-agent-keys': 'ff79ad2af594f4ead3f5fe023e6e44cfd96ea30c0763fb121fa8d56f3d4b966e',
  '0002-connections': '3355030c1e73e4655b0f545f90a1c78478fe957b25fabd40757be37d259e832a',
  '0003-sessions': '55781cf6eca172d6022c46d40b3a7d6c57cd1356846153147f396d71be7461d2',
  '0004-used-assertions': '44118387ad009d179227d712205c45839774931d89e7d75400c1702a6bb51194',
  '0005-thumbprints': 'd148a78a0c791d951b47559896b12bed1b3626b20de6eb34964a956526a3f68b',
  '0006-session-context': 'ffd381ffcf358d512bd7b66093aef27ae52bd89dbb7f604c01c92da86727d876',
  '0007-ordered-challenges': '0291587adb0030a4c09ebadc7fd20193a477be558b8bbe6f009a25b8490b30cf',
  '0021-grant-labels': '2ae0ceb26b49a73ded7d9ae7965772c2f55d2e0ff1c852ea0e262f5a072e7736',
  '0022-door-revocations': 'd780d297cc606fb7c81d165caface50fc8a6200e7270c0cf0dc489a4a9a90974',
  '0029-door-salts': '8b7457e1dd56d7711b5a0e40513e29ef1d73c3152cafa099370761a11483d65a',
  '0033-grant-doors': 'bdd2db625b1a3d7519443d7936e4236df5c58047aa820f59549f83d8af036bee',
  '0047-invite-names': '28013998e57b6510c4fe3a8536f3b6ac974e5ca57c6f5e60257bfd17489679ee',
  '0050-operator-roles': '6706e3e21955a2f071bb3e3425b6e2d96e5012475f3798645649423dbb91f141',
  '0051-channels': '0a0754824bd4c911734b3fd723c8a2d3e66837e710ab12ef8ecf259aa91be6ac',
  '0051-passkeys': 'c25be6ad6efba79498b614160a9722fc03078b487ecb89507827fa7881692357',
  '0053-receipts': '69dbbdb783a4eb538abf9891a2750eb8b2bfb71b1750944313fc73e7a10a5738',
  '0060-compromised-receipt-keys': 'e793c54bcabe285f58c6e0c25a6706ad134fffac62ed079f571d76552318e325',
  '0056-member-requests': 'bb29e4b3a0f3251ec090e80857a24565b706ae61c1671d2f75998b1c2fc4a4c9',
  '0057-push-devices': '7da5994a8e3b675537c4fa16d68f1167ca546273ce6ef4607203397457d22e13',
  '0073-token-sources': '1eee8cb39d301edf6e654e8747fe5a4cfa6e6282a35fc1a95f2b7dbd46313bb8',
  '0070-local-ca': 'c607aefb5b79b4b2bb7839af0a072306d7f31c0cc74ac7f6390eae543f43b206',
  '0080-placeholders': '82b692ee46b99896cf8e9b1b082a089a7abac8564a7bb6ee0c1c29b7925c3cdc',
  '0081-display-names': 'ef56a79fdc9a45192853f13178484b22bb4ddeec3ab8058f49b598ca239dcbd2',
  '0060-trust-windows': '2696e6457863ce344285b524a2b25cb5f93a58b13da2910b784672c7fe143a55',
  '0050-rules': '525d89535b0b880e52e13b92bae54fecf1798fa3cbfb45cdd1575198dd7ea917',
  '0080-llm': 'b12b48b2c6d515c58a080a0c2afd9e7daf51b0545cca371dc57dcdffe21f6ba7',
  '0081-llm-usage': 'f7c6ae69ac8319e87e77b540c6e13746e2fb7bbfc51c2f3a9fc01a6563bc413f',
  '0061-sent-later': 'ccd2e441db80a0ef7a3ece18e675e8668f160da667e9987d7b1930420c0c9a64',
  '0071-grants-of-agents': 'ddf519063b5c61762ac166c8bc489ccaf7abeeb7e2f1c469fa261748b51c2643',
}

/** Keeps the text of every statement. Values are left out: the first database's name is among them, which is random. */
class Recorder extends StatementCache {
  #said: string[] = []

  override get(sql: string) {
    this.#said.push(sql)
    return super.get(sql)
  }

  take(): string {
    return this.#said.splice(0).join('\n')
  }
}

test('released migrations say what they said when they were released', async () => {
  const recorder = new Recorder(new DatabaseSync(':memory:'))
  const db = kyselyOver(recorder, (run) => run())
  const found: Record<string, string> = {}
  for (const { id, up } of [...storageMigrations, ...migrations]) {
    await up(db)
    found[id] = createHash('sha256').update(recorder.take()).digest('hex')
  }
  assert.deepEqual(found, RELEASED)
})
