import { Secret } from '../../../src/ground/secret.ts'

const secret = Secret.fromText('x')
export const a = secret.reveal() // planted
export const b = secret?.reveal() // planted
export const c = secret['reveal']() // planted
const { reveal } = secret // planted
export const d = secret.reveal // planted
export const e = [reveal, 'reveal()']
