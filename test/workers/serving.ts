import type { AnyDag } from "heddle";
import { serve } from "heddle/worker";
import * as dags from "./dags.js";
import { allNested } from "./nested.js";

const served = Object.values(dags).filter((one): one is typeof one & AnyDag => "plan" in one);
serve(...served, ...allNested);
