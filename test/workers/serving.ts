import { serve } from "heddle/worker";
import { busy, deaths, effects, many } from "./dags.js";

serve(busy, deaths, effects, many);
