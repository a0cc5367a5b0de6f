export { value } from '../house.ts'
