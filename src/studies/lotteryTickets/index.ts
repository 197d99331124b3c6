/** Study S12: lottery tickets, and whether they lie on the features that persist. */
import type { Study } from "../protocol/study.ts";
import { arms, type TicketsArm } from "./arms.ts";
import { conclude } from "./conclude.ts";
import { measure, type SeedTickets } from "./measure.ts";
import { plan } from "./plan.ts";

export const lotteryTickets: Study<TicketsArm, SeedTickets> = { plan, arms, measure, conclude };
