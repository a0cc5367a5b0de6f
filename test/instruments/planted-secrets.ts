// Secrets in the form of known providers, made here: they open nothing anywhere.
export const github = `ghp_${'a1B2c3D4e5'.repeat(3)}F6g7H8`
export const openai = `sk-proj-${'Ab1'.repeat(24)}T3BlbkFJ${'Cd2'.repeat(24)}`
export const anthropic = `sk-ant-api03-${'Ab1'.repeat(31)}AA`
export const stripe = `sk_live_${'Ab1'.repeat(10)}`
export const slack = `xoxb-123456789012-123456789012-${'Ab1'.repeat(8)}`
/** Of no known form. */
export const plain = 'kq7Zp2Lm9Xw4Rt6Yv8Bn'
export const npm = `npm_${'Ab1'.repeat(12)}`
